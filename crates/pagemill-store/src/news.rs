//! What commits bring to those who wait: a hint that is raised after each that they should look at.

use tokio::sync::watch;

/// Commits since the store was opened. Each number only rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Those that brought jobs, events or changes.
    pub commits: u64,
    /// Those after which there may be jobs to take.
    pub jobs: u64,
}

/// What one transaction brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Brought {
    /// Jobs, events or changes.
    pub(crate) anything: bool,
    /// Jobs to take, or room to take one.
    pub(crate) jobs: bool,
}

impl Brought {
    /// Whatever there is: a job, or what another process has committed, which may be anything.
    pub(crate) const ALL: Self = Self { anything: true, jobs: true };

    /// Wakes whoever waits for it; after the commit.
    pub(crate) fn tell(self, hint: &watch::Sender<News>) {
        if self.anything {
            hint.send_modify(|news| {
                news.commits += 1;
                news.jobs += u64::from(self.jobs);
            });
        }
    }
}
