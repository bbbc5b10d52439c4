//! A job, and what may happen to it.

use std::time::Duration;

use super::policy::{self, MAX_ATTEMPTS, MAX_CRASHES};
use crate::WorkerId;

/// Where a job stands. A finished one has no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobState {
    /// It may be claimed.
    Ready,
    /// In the hands of a worker.
    Leased,
    /// Waiting for its time: a pause after an error, an outage, a full disk.
    Waiting,
    /// Held back by a person.
    Paused,
    /// Set aside as a dead letter.
    Dead,
    /// Done, or taken away: there is nothing left of it in the queue.
    Done,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Ready, Self::Leased, Self::Waiting, Self::Paused, Self::Dead, Self::Done];

    /// The word used on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Dead => "dead",
            Self::Done => "done",
        }
    }

    /// The state of a word, or `None` for an unknown one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Who holds a job, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The holder.
    pub worker: WorkerId,
    /// The end of the lease, in milliseconds of the clock that leases run by.
    pub until: i64,
}

/// What the queue knows of a job. Times are milliseconds of the clock that leases run by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Where it stands.
    pub state: JobState,
    /// The fencing token: rises with each claim and never falls.
    pub fence: i64,
    /// Attempts spent on it, the one under way included.
    pub attempt: u32,
    /// How often a worker died holding it.
    pub crashes: u32,
    /// It does not run before this time.
    pub run_at: i64,
    /// Its lease: there is one exactly while it is [`JobState::Leased`].
    pub lease: Option<Lease>,
}

/// The step is not possible: the job is not in that state, or not held by who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What becomes of a job after an error or a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterFault {
    /// It runs again.
    Again,
    /// It became a dead letter.
    SetAside,
}

impl Job {
    /// A new job that runs at `run_at` or, when that has passed, at once.
    pub fn new(run_at: i64, now: i64) -> Self {
        let mut job = Self { state: JobState::Ready, fence: 0, attempt: 0, crashes: 0, run_at, lease: None };
        job.queue_up(now);
        job
    }

    /// A worker takes it. The attempt is spent now, so that what kills its worker at once dies out, too.
    ///
    /// # Errors
    /// When it is not ready.
    pub fn claim(&mut self, worker: &WorkerId, now: i64, lease: Duration) -> Result<(), Refused> {
        self.only_in(&[JobState::Ready])?;
        self.state = JobState::Leased;
        self.fence += 1;
        self.attempt += 1;
        self.lease = Some(Lease { worker: worker.clone(), until: after(now, lease) });
        Ok(())
    }

    /// Whether a worker holds it under a fence. A lease that has ended still holds until someone ends it:
    /// the lease is for liveness, the fence for safety.
    ///
    /// # Errors
    /// When it does not.
    pub fn held_by(&self, worker: &WorkerId, fence: i64) -> Result<(), Refused> {
        let holder = self.lease.as_ref().map(|lease| &lease.worker);
        if self.state == JobState::Leased && self.fence == fence && holder == Some(worker) {
            Ok(())
        } else {
            Err(Refused)
        }
    }

    /// The holder shows that there was progress, and keeps the job for another lease.
    ///
    /// # Errors
    /// When it is not held by this worker under this fence.
    pub fn heartbeat(&mut self, worker: &WorkerId, fence: i64, now: i64, lease: Duration) -> Result<(), Refused> {
        self.held_by(worker, fence)?;
        self.lease = Some(Lease { worker: worker.clone(), until: after(now, lease) });
        Ok(())
    }

    /// The holder is done with it.
    ///
    /// # Errors
    /// When it is not held.
    pub fn complete(&mut self) -> Result<(), Refused> {
        self.only_in(&[JobState::Leased])?;
        self.end();
        Ok(())
    }

    /// The holder gives it back with its attempt: the program stops, the disk is full, a service is down.
    ///
    /// # Errors
    /// When it is not held.
    pub fn release(&mut self, now: i64, delay: Duration) -> Result<(), Refused> {
        self.only_in(&[JobState::Leased])?;
        self.attempt = self.attempt.saturating_sub(1);
        self.run_at = after(now, delay);
        self.queue_up(now);
        Ok(())
    }

    /// The holder met a passing error. The attempt is spent; after the last one the job is set aside.
    ///
    /// # Errors
    /// When it is not held.
    pub fn fail(&mut self, now: i64, delay: Duration) -> Result<AfterFault, Refused> {
        self.only_in(&[JobState::Leased])?;
        if self.attempt >= MAX_ATTEMPTS {
            self.set_aside();
            return Ok(AfterFault::SetAside);
        }
        self.run_at = after(now, delay);
        self.queue_up(now);
        Ok(AfterFault::Again)
    }

    /// Whoever held it died of it, or something it had started did. A crash is counted apart and spends no
    /// attempt; the third sets the job aside.
    ///
    /// # Errors
    /// When it is not held.
    pub fn crash(&mut self, now: i64, delay: Duration) -> Result<AfterFault, Refused> {
        self.only_in(&[JobState::Leased])?;
        self.attempt = self.attempt.saturating_sub(1);
        self.crashes = self.crashes.saturating_add(1);
        if self.crashes >= MAX_CRASHES {
            self.set_aside();
            return Ok(AfterFault::SetAside);
        }
        self.run_at = after(now, delay);
        self.queue_up(now);
        Ok(AfterFault::Again)
    }

    /// The holder found the file at fault: trying again would change nothing, so it is set aside at once.
    ///
    /// # Errors
    /// When it is not held.
    pub fn refuse(&mut self) -> Result<(), Refused> {
        self.only_in(&[JobState::Leased])?;
        self.set_aside();
        Ok(())
    }

    /// Its lease has ended without a word from its holder: a crash. `None` while the lease lasts.
    pub fn expire(&mut self, now: i64) -> Option<AfterFault> {
        match &self.lease {
            Some(lease) if lease.until <= now => self.crash(now, Duration::ZERO).ok(),
            _ => None,
        }
    }

    /// Its holder is known to be gone and did it no harm (a stop, a kill, a boot): nothing is counted.
    ///
    /// # Errors
    /// When it is not held.
    pub fn give_back(&mut self) -> Result<(), Refused> {
        self.only_in(&[JobState::Leased])?;
        self.attempt = self.attempt.saturating_sub(1);
        self.run_at = 0;
        self.state = JobState::Ready;
        self.lease = None;
        Ok(())
    }

    /// Its time has come, if it has; says whether.
    pub fn wake(&mut self, now: i64) -> bool {
        let is_due = self.state == JobState::Waiting && self.run_at <= now;
        if is_due {
            self.state = JobState::Ready;
        }
        is_due
    }

    /// The clock may have been set back: a time that lies further off than any that is set is brought near, so that
    /// nothing waits for the clock to get there again. Whoever is alive renews its lease as ever.
    pub fn bring_near(&mut self, now: i64) {
        if let Some(lease) = &mut self.lease
            && is_beyond(lease.until, now)
        {
            lease.until = after(now, policy::LEASE);
        }
        if self.state == JobState::Waiting && is_beyond(self.run_at, now) {
            self.run_at = now;
        }
    }

    /// A person holds it back. A worker at it loses it, and with it the unit in flight, but no attempt is spent.
    ///
    /// # Errors
    /// When it is not waiting or at work.
    pub fn pause(&mut self) -> Result<(), Refused> {
        self.only_in(&[JobState::Ready, JobState::Waiting, JobState::Leased])?;
        if self.state == JobState::Leased {
            self.attempt = self.attempt.saturating_sub(1);
        }
        self.state = JobState::Paused;
        self.lease = None;
        Ok(())
    }

    /// A person lets it go on.
    ///
    /// # Errors
    /// When it is not paused.
    pub fn resume(&mut self, now: i64) -> Result<(), Refused> {
        self.only_in(&[JobState::Paused])?;
        self.queue_up(now);
        Ok(())
    }

    /// It is not wanted any more, whatever it is at.
    ///
    /// # Errors
    /// When there is nothing left of it.
    pub fn cancel(&mut self) -> Result<(), Refused> {
        if self.state == JobState::Done {
            return Err(Refused);
        }
        self.end();
        Ok(())
    }

    /// A dead letter is tried again, with a clean slate.
    ///
    /// # Errors
    /// When it is not a dead letter.
    pub fn replay(&mut self) -> Result<(), Refused> {
        self.only_in(&[JobState::Dead])?;
        (self.attempt, self.crashes, self.run_at) = (0, 0, 0);
        self.state = JobState::Ready;
        Ok(())
    }

    fn only_in(&self, states: &[JobState]) -> Result<(), Refused> {
        if states.contains(&self.state) { Ok(()) } else { Err(Refused) }
    }

    /// Into the queue: at once, or to wait for its time.
    fn queue_up(&mut self, now: i64) {
        self.state = if self.run_at <= now { JobState::Ready } else { JobState::Waiting };
        self.lease = None;
    }

    fn set_aside(&mut self) {
        self.state = JobState::Dead;
        self.lease = None;
    }

    fn end(&mut self) {
        self.state = JobState::Done;
        self.lease = None;
    }
}

/// No time of a job that was set by a clock which has only gone forward lies beyond this.
pub fn horizon(now: i64) -> i64 {
    after(now, policy::LONGEST_PAUSE)
}

fn is_beyond(time: i64, now: i64) -> bool {
    time > horizon(now)
}

/// A time so much later.
fn after(now: i64, delay: Duration) -> i64 {
    now.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    #[test]
    fn the_third_crash_sets_it_aside_and_a_replay_begins_anew() {
        let worker = WorkerId::new();
        let mut job = Job::new(0, 0);
        for crash in 1..=MAX_CRASHES {
            job.claim(&worker, 0, LEASE).unwrap();
            assert_eq!(job.attempt, 1, "a crash spends no attempt");
            assert_eq!(job.expire(29_999), None);
            let after = if crash < MAX_CRASHES { AfterFault::Again } else { AfterFault::SetAside };
            assert_eq!(job.expire(30_000), Some(after));
        }
        assert_eq!(job.claim(&worker, 0, LEASE), Err(Refused));
        job.replay().unwrap();
        assert_eq!((job.state, job.attempt, job.crashes, job.fence), (JobState::Ready, 0, 0, 3));
    }

    #[test]
    fn a_pause_takes_the_job_away_and_keeps_its_time() {
        let worker = WorkerId::new();
        let mut job = Job::new(0, 0);
        job.claim(&worker, 0, LEASE).unwrap();
        job.fail(0, Duration::from_secs(60)).unwrap();
        job.pause().unwrap();
        job.resume(1).unwrap();
        assert_eq!((job.state, job.attempt), (JobState::Waiting, 1));
        assert!(job.wake(60_000));
        job.claim(&worker, 60_000, LEASE).unwrap();
        job.pause().unwrap();
        assert_eq!(job.held_by(&worker, 2), Err(Refused));
        assert_eq!(job.attempt, 1);
    }

    #[derive(Clone, Debug)]
    enum Act {
        Claim(usize),
        Heartbeat(usize, i64),
        Complete,
        Release(u64),
        Fail(u64),
        Crash(u64),
        Refuse,
        GiveBack,
        Pause,
        Resume,
        Replay,
        Cancel,
        Tick(i64),
        SetBack(i64),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => (0_usize..3).prop_map(Act::Claim),
            2 => (0_usize..3, 0_i64..8).prop_map(|(worker, fence)| Act::Heartbeat(worker, fence)),
            1 => Just(Act::Complete),
            2 => (0_u64..60).prop_map(Act::Release),
            3 => (0_u64..60).prop_map(Act::Fail),
            2 => (0_u64..60).prop_map(Act::Crash),
            1 => Just(Act::Refuse),
            1 => Just(Act::GiveBack),
            1 => Just(Act::Pause),
            2 => Just(Act::Resume),
            1 => Just(Act::Replay),
            1 => Just(Act::Cancel),
            4 => (0_i64..40_000).prop_map(Act::Tick),
            1 => (0_i64..4_000_000).prop_map(Act::SetBack),
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_the_books_are_right(acts in prop::collection::vec(act(), 1..80)) {
            let workers = [WorkerId::new(), WorkerId::new(), WorkerId::new()];
            let mut now = 1_000_000;
            let mut job = Job::new(0, now);
            for act in acts {
                let before = job.clone();
                let step = match act {
                    Act::Claim(worker) => job.claim(&workers[worker], now, LEASE),
                    Act::Heartbeat(worker, fence) => job.heartbeat(&workers[worker], fence, now, LEASE),
                    Act::Complete => job.complete(),
                    Act::Release(seconds) => job.release(now, Duration::from_secs(seconds)),
                    Act::Fail(seconds) => job.fail(now, Duration::from_secs(seconds)).map(drop),
                    Act::Crash(seconds) => job.crash(now, Duration::from_secs(seconds)).map(drop),
                    Act::Refuse => job.refuse(),
                    Act::GiveBack => job.give_back(),
                    Act::Pause => job.pause(),
                    Act::Resume => job.resume(now),
                    Act::Replay => job.replay(),
                    Act::Cancel => job.cancel(),
                    Act::SetBack(ms) => {
                        now -= ms;
                        job.bring_near(now);
                        prop_assert!(job.lease.as_ref().is_none_or(|lease| lease.until <= horizon(now)));
                        prop_assert!(job.state != JobState::Waiting || job.run_at <= horizon(now));
                        Ok(())
                    }
                    Act::Tick(ms) => {
                        now += ms;
                        job.wake(now);
                        job.expire(now);
                        Ok(())
                    }
                };
                if step.is_err() {
                    prop_assert_eq!(&job, &before, "a refused step changes nothing");
                }
                // A lease exactly while it is leased, and never a step back of the fence.
                prop_assert_eq!(job.lease.is_some(), job.state == JobState::Leased);
                prop_assert!(job.fence >= before.fence);
                prop_assert!(job.fence == before.fence || job.state == JobState::Leased);
                // Neither attempts nor crashes grow past their bounds, and both can be told apart.
                prop_assert!(job.attempt <= MAX_ATTEMPTS && job.crashes <= MAX_CRASHES);
                prop_assert!(job.crashes < MAX_CRASHES || job.state == JobState::Dead || job.state == JobState::Done);
                // What is done stays done.
                prop_assert!(before.state != JobState::Done || job.state == JobState::Done);
                // Nothing that waits is ready before its time.
                prop_assert!(before.state != JobState::Waiting || job.state != JobState::Leased);
                prop_assert!(before.state != JobState::Waiting || job.state != JobState::Ready || job.run_at <= now);
            }
        }
    }
}
