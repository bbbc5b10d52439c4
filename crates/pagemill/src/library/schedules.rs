//! Work that is done at intervals, by whichever process comes to it first, or by hand.

use std::time::{Duration, Instant};

use pagemill_core::{ErrorCode, Problem};
use pagemill_store::{ScheduleRun, ScheduleState};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    Library,
    views::{ScheduleView, rfc3339},
};

/// How long a process has a schedule at most; after that another may begin it.
const HOLD: Duration = Duration::from_secs(600);
/// How often it is looked whether something is due, and how long after the start first.
const LOOK: Duration = Duration::from_secs(20);
/// A file without a document that is younger may belong to an upload that is just coming in.
const UPLOAD_TIME: Duration = Duration::from_secs(3600);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Work that is done at intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Files that no document is made from.
    Files,
    /// Events that were kept long enough.
    Events,
    /// Tasks that ended long ago.
    Tasks,
    /// Vectors that no chunk uses.
    Vectors,
    /// What the database's plans rest on, and what the library holds.
    Statistics,
}

impl Schedule {
    /// Every schedule, by name.
    pub const ALL: [Self; 5] = [Self::Events, Self::Files, Self::Statistics, Self::Tasks, Self::Vectors];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Events => "events",
            Self::Tasks => "tasks",
            Self::Vectors => "vectors",
            Self::Statistics => "statistics",
        }
    }

    /// The schedule of a name.
    ///
    /// # Errors
    /// `not_found` when there is none.
    pub fn parse(name: &str) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|schedule| schedule.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            let name = pagemill_core::excerpt(name, 40);
            Problem::new(ErrorCode::NotFound, format!("there is no schedule `{name}`; there are {names}"))
        })
    }

    /// How often it is due.
    pub fn period(self) -> Duration {
        match self {
            Self::Files => HOUR,
            Self::Events | Self::Statistics => 6 * HOUR,
            Self::Tasks | Self::Vectors => DAY,
        }
    }

    /// What it does, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Files => "removes files that no document is made from",
            Self::Events => "removes events older than retention.event_days that every webhook was told of",
            Self::Tasks => "removes tasks that ended retention.task_days ago, but the newest of each document",
            Self::Vectors => "removes vectors that no chunk uses",
            Self::Statistics => "counts what the library holds, and renews what the database plans its queries by",
        }
    }
}

impl Library {
    /// Does what is due, until the program stops.
    pub(crate) async fn run_schedules(&self, mut stop: watch::Receiver<bool>) {
        // A deletion that was cut off has left its file marked.
        if let Err(problem) = self.store().remove_unused_blobs(self.blobs()).await {
            tracing::warn!(code = %problem.code, "files that nobody needs could not be removed: {problem}");
        }
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.changed() => return,
            }
            for schedule in Schedule::ALL {
                let run = async {
                    match self.begin_schedule(schedule, false).await? {
                        Some(run) => self.finish_schedule(schedule, &run).await.map(drop),
                        None => Ok(()),
                    }
                };
                if let Err(problem) = run.await {
                    tracing::warn!(schedule = schedule.as_str(), code = %problem.code, "a schedule failed: {problem}");
                }
                if *stop.borrow() {
                    return;
                }
            }
        }
    }

    /// Every schedule with what came of it last.
    ///
    /// # Errors
    /// Of the database.
    pub async fn schedules(&self) -> Result<Vec<ScheduleView>, Problem> {
        self.know_schedules().await?;
        let states = self.store().schedules().await?;
        let view = |schedule: Schedule| {
            let state = states.iter().find(|state| state.name == schedule.as_str())?;
            Some(view_of(schedule, state))
        };
        Ok(Schedule::ALL.into_iter().filter_map(view).collect())
    }

    /// Runs a schedule now, whether or not it is due, and says how it stands then.
    ///
    /// # Errors
    /// `conflict` while it is being run; what made it fail.
    pub async fn run_schedule(&self, schedule: Schedule) -> Result<ScheduleView, Problem> {
        let Some(run) = self.begin_schedule(schedule, true).await? else {
            let message = format!("the schedule `{}` is being run; look again in a moment", schedule.as_str());
            return Err(Problem::new(ErrorCode::Conflict, message));
        };
        self.finish_schedule(schedule, &run).await?;
        let states = self.store().schedules().await?;
        let state = states.iter().find(|state| state.name == schedule.as_str());
        state
            .map(|state| view_of(schedule, state))
            .ok_or_else(|| Problem::new(ErrorCode::Internal, format!("the schedule `{}` is gone", schedule.as_str())))
    }

    async fn know_schedules(&self) -> Result<(), Problem> {
        let periods = Schedule::ALL.map(|schedule| (schedule.as_str(), schedule.period()));
        let known = self.store().schedules().await?;
        let is_known = |name: &str| known.iter().any(|state| state.name == name);
        if periods.iter().all(|(name, _)| is_known(name)) {
            return Ok(());
        }
        self.store().know_schedules(&periods).await
    }

    async fn begin_schedule(&self, schedule: Schedule, at_once: bool) -> Result<Option<ScheduleRun>, Problem> {
        self.know_schedules().await?;
        self.store().begin_schedule(schedule.as_str(), schedule.period(), HOLD, at_once).await
    }

    /// Does the work of a run that has begun, and writes down what came of it.
    async fn finish_schedule(&self, schedule: Schedule, run: &ScheduleRun) -> Result<Value, Problem> {
        let begun = Instant::now();
        let result = self.work_of(schedule).await;
        self.store().end_schedule(run, &result, begun.elapsed(), schedule.period()).await?;
        result
    }

    async fn work_of(&self, schedule: Schedule) -> Result<Value, Problem> {
        let (store, retention) = (self.store(), self.settings().retention);
        let removed = |count: u64| json!({ "removed": count });
        Ok(match schedule {
            Schedule::Files => removed(u64::from(store.sweep_blobs(self.blobs(), ago(UPLOAD_TIME)).await?)),
            Schedule::Events => removed(store.prune_events(ago(DAY * retention.event_days)).await?),
            Schedule::Tasks => removed(store.sweep_tasks(ago(DAY * retention.task_days)).await?),
            Schedule::Vectors => removed(store.sweep_vectors().await?),
            Schedule::Statistics => {
                store.renew_statistics().await?;
                let counts = store.library_counts().await?;
                json!({
                    "documents": counts.documents,
                    "pages": counts.pages,
                    "chunks": counts.chunks,
                    "vectors": counts.vectors,
                })
            }
        })
    }
}

/// Milliseconds since 1970, so long ago.
fn ago(time: Duration) -> i64 {
    let then = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_sub(time);
    i64::try_from(then.as_millis()).unwrap_or(0)
}

fn view_of(schedule: Schedule, state: &ScheduleState) -> ScheduleView {
    ScheduleView {
        name: state.name.clone(),
        meaning: schedule.meaning().to_owned(),
        period_seconds: schedule.period().as_secs(),
        runs: state.runs,
        running: state.is_running,
        last_run: state.last_ms.map(rfc3339),
        last_seconds: state.last_took_ms.map(|ms| ms as f64 / 1000.0),
        last_result: state.last_result.clone(),
        last_error: state.last_error.clone(),
        next_run: rfc3339(state.next_ms),
    }
}
