//! The queue in memory: what the databases have to do, on a page. Tests compare them with it.

use std::{collections::BTreeMap, time::Duration};

use super::{AfterFault, Job, JobState, Refused, policy};
use crate::{Priority, ProjectId, Queue, Stage, WorkerId};

/// A job with what its order depends on.
#[derive(Clone, Debug)]
pub struct MemoryJob {
    /// Its state.
    pub job: Job,
    /// Its task, by a name of the caller's.
    pub task: String,
    /// The stage it runs.
    pub stage: Stage,
    /// How urgent its task is.
    pub priority: Priority,
    /// The turn of its task.
    pub turn: i64,
    /// The project of its task.
    pub project: ProjectId,
}

/// Jobs by number, in the order they came; the settings of queues; a clock that stands until it is moved.
#[derive(Clone, Debug, Default)]
pub struct MemoryQueue {
    /// Milliseconds.
    pub now: i64,
    /// Every job that is not done.
    pub jobs: BTreeMap<u64, MemoryJob>,
    /// Queues that are paused.
    pub paused: Vec<Queue>,
    /// Most jobs of a queue at work at once.
    pub concurrency: BTreeMap<&'static str, u32>,
    last: u64,
}

impl MemoryQueue {
    /// Queues the first job of a task.
    pub fn add(&mut self, task: &str, stage: Stage, project: &ProjectId, priority: Priority) -> u64 {
        let alive = || self.jobs.values().filter(|job| job.job.state != JobState::Dead);
        let smallest = alive().map(|job| job.turn).min();
        let largest = alive().filter(|job| job.project == *project).map(|job| job.turn).max();
        let turn = policy::turn(smallest, largest);
        self.enqueue(MemoryJob {
            job: Job::new(0, self.now),
            task: task.to_owned(),
            stage,
            priority,
            turn,
            project: project.clone(),
        })
    }

    /// Queues a job, unless one of the same task and stage is there: then that one is it. Was it set aside, it is
    /// tried again.
    pub fn enqueue(&mut self, new: MemoryJob) -> u64 {
        let same = self.jobs.iter_mut().find(|(_, job)| job.task == new.task && job.stage == new.stage);
        if let Some((id, job)) = same {
            let _ = job.job.replay();
            return *id;
        }
        self.last += 1;
        self.jobs.insert(self.last, new);
        self.last
    }

    /// What a claim does first: jobs whose time has come are ready, leases that have ended are crashes. Returns
    /// the jobs that were set aside.
    pub fn tick(&mut self) -> Vec<u64> {
        let mut dead = Vec::new();
        for (id, job) in &mut self.jobs {
            job.job.bring_near(self.now);
            if job.job.expire(self.now) == Some(AfterFault::SetAside) {
                dead.push(*id);
            }
            job.job.wake(self.now);
        }
        for id in &dead {
            self.go_on_without(*id);
        }
        dead
    }

    /// Claims up to `limit` jobs of some queues: the most urgent first, then by turn, then by age.
    pub fn claim(&mut self, worker: &WorkerId, queues: &[Queue], limit: u32, lease: Duration) -> Vec<u64> {
        self.tick();
        let mut candidates = Vec::new();
        for queue in queues {
            let of_queue = || self.jobs.iter().filter(|(_, job)| job.stage.queue() == *queue);
            let leased = of_queue().filter(|(_, job)| job.job.state == JobState::Leased).count() as u32;
            let limit_of_queue = self.concurrency.get(queue.as_str()).copied();
            let room = policy::room(limit, self.paused.contains(queue), limit_of_queue, leased);
            let mut ready: Vec<_> = of_queue()
                .filter(|(_, job)| job.job.state == JobState::Ready)
                .map(|(id, job)| (job.priority, job.turn, *id))
                .collect();
            ready.sort();
            ready.truncate(room as usize);
            candidates.extend(ready);
        }
        candidates.sort();
        candidates.truncate(limit as usize);
        let now = self.now;
        candidates
            .into_iter()
            .filter(|(_, _, id)| self.jobs.get_mut(id).is_some_and(|job| job.job.claim(worker, now, lease).is_ok()))
            .map(|(_, _, id)| id)
            .collect()
    }

    /// Ends the stage of a job and queues the next one, which keeps the turn.
    ///
    /// # Errors
    /// When the job is not held under this fence.
    pub fn complete(&mut self, id: u64, worker: &WorkerId, fence: i64) -> Result<Option<u64>, Refused> {
        let job = self.held(id, worker, fence)?;
        job.job.complete()?;
        let done = self.jobs.remove(&id).ok_or(Refused)?;
        Ok(done.stage.next().map(|stage| self.enqueue(MemoryJob { job: Job::new(0, self.now), stage, ..done })))
    }

    /// A job that is held under a fence.
    ///
    /// # Errors
    /// When it is not.
    pub fn held(&mut self, id: u64, worker: &WorkerId, fence: i64) -> Result<&mut MemoryJob, Refused> {
        let job = self.jobs.get_mut(&id).ok_or(Refused)?;
        job.job.held_by(worker, fence)?;
        Ok(job)
    }

    /// What follows when a job was set aside: its task goes on without it, or its other jobs are taken away.
    pub fn go_on_without(&mut self, id: u64) {
        let Some(dead) = self.jobs.get(&id).cloned() else { return };
        match policy::goes_on_without(dead.stage) {
            Some(stage) => drop(self.enqueue(MemoryJob { job: Job::new(0, self.now), stage, ..dead })),
            None => self.end_task(&dead.task),
        }
    }

    /// Takes the jobs of a task away, all but its dead letters.
    pub fn end_task(&mut self, task: &str) {
        self.jobs.retain(|_, job| job.task != task || job.job.state == JobState::Dead);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    proptest! {
        /// Whatever projects bring, each of two that wait is served at least every other time.
        #[test]
        fn turns_are_fair(early in 1_usize..40, late in 1_usize..10) {
            let (one, other) = (ProjectId::new(), ProjectId::new());
            let mut queue = MemoryQueue::default();
            for number in 0..early {
                queue.add(&format!("early {number}"), Stage::Parse, &one, Priority::Normal);
            }
            for number in 0..late {
                queue.add(&format!("late {number}"), Stage::Parse, &other, Priority::Normal);
            }
            let worker = WorkerId::new();
            let mut order = Vec::new();
            while let [id] = queue.claim(&worker, &Queue::ALL, 1, LEASE)[..] {
                let job = queue.jobs.remove(&id).unwrap();
                order.push(job.project == other);
            }
            prop_assert_eq!(order.len(), early + late);
            let last_of_late = order.iter().rposition(|is_late| *is_late).unwrap();
            prop_assert!(last_of_late <= late * 2, "{:?}", order);
        }

        /// No more than its concurrency is at work, however it is set and whoever asks.
        #[test]
        fn a_queue_keeps_its_limit(limits in prop::collection::vec(0_u32..6, 1..8), asked in 1_u32..10) {
            let mut queue = MemoryQueue::default();
            for number in 0..30 {
                queue.add(&number.to_string(), Stage::Parse, &ProjectId::default_project(), Priority::Batch);
            }
            for limit in limits {
                let before = leased(&queue);
                queue.concurrency.insert(Queue::Default.as_str(), limit);
                queue.claim(&WorkerId::new(), &Queue::ALL, asked, LEASE);
                prop_assert!(leased(&queue) <= limit.max(before));
            }
        }
    }

    fn leased(queue: &MemoryQueue) -> u32 {
        queue.jobs.values().filter(|job| job.job.state == JobState::Leased).count() as u32
    }

    #[test]
    fn the_same_work_is_queued_once() {
        let mut queue = MemoryQueue::default();
        let project = ProjectId::default_project();
        let first = queue.add("a", Stage::Parse, &project, Priority::Normal);
        assert_eq!(queue.add("a", Stage::Parse, &project, Priority::High), first);
        assert_eq!(queue.jobs.len(), 1);
    }
}
