//! Events for many listeners at the cost of one.
//!
//! One task reads new events from the store and keeps the last few in memory, each written as JSON once. Listeners
//! remember the number of the last event they were given and take what came after it from there; who is further
//! behind than that reads from the store. So a listener that takes its time holds nothing and nobody up.

#[cfg(test)]
mod interleavings;
mod ring;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use pagemill_core::{ErrorCode, Event, EventId, Problem, ProjectId, TaskId};
use pagemill_store::{News, Store, Topic};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Library,
    views::{EventView, ProcessingUpdate},
};
use ring::{After, Ring};

/// What the ring is made of.
mod sync {
    pub(super) use std::sync::{PoisonError, RwLock};

    pub(super) use tokio::sync::watch;
}

/// Events kept in memory for all who listen.
pub(crate) const KEPT: usize = 1024;
/// Events read at once.
const BATCH: u32 = 256;
/// How often the store is asked when no wake-up came: wake-ups are hints.
const POLL: Duration = Duration::from_secs(1);

/// An event, with the messages that tell it.
#[derive(Debug)]
pub(crate) struct Published {
    /// The event.
    pub(crate) event: Event,
    /// It as JSON, UTF-8.
    pub(crate) text: Bytes,
    /// The `processing_update` that it means, as JSON.
    pub(crate) update: Option<Bytes>,
}

impl Published {
    pub(crate) fn new(event: Event) -> Self {
        // These shapes have text keys and finite numbers; writing them cannot fail.
        let text = serde_json::to_vec(&EventView::from(&event)).unwrap_or_default().into();
        let update = ProcessingUpdate::of(&event).and_then(|update| serde_json::to_vec(&update).ok()).map(Bytes::from);
        Self { event, text, update }
    }

    /// Whether it is told to everybody, whatever they asked for.
    pub(crate) fn is_for_all(&self) -> bool {
        self.event.kind == "broadcast"
    }
}

/// Reads new events once and hands them to all who listen.
pub(crate) struct EventHub {
    store: Store,
    ring: Ring<Published>,
    stop: CancellationToken,
}

impl EventHub {
    /// Starts to read behind the last event there is. It ends when nobody holds it any more, or with `stop`.
    pub(super) async fn start(store: Store, stop: CancellationToken) -> Result<Arc<Self>, Problem> {
        let wake = store.subscribe();
        let last = store.last_event().await?;
        let hub = Arc::new(Self { store: store.clone(), ring: Ring::new(last, KEPT), stop: stop.clone() });
        tokio::spawn(read(store, Arc::downgrade(&hub), wake, stop));
        Ok(hub)
    }

    /// The number of the newest event it knows.
    pub(crate) fn newest(&self) -> EventId {
        self.ring.newest()
    }

    /// A listener to the events of a project after a number.
    pub(crate) fn listen(self: &Arc<Self>, project: &ProjectId, after: EventId) -> Listener {
        Listener { hub: Arc::clone(self), news: self.ring.subscribe(), project: project.clone(), after }
    }

    fn publish(&self, events: Vec<Event>) {
        self.ring.publish(events.into_iter().map(|event| (event.id, Arc::new(Published::new(event)))).collect());
    }
}

/// Hands new events on until the hub is gone.
async fn read(store: Store, hub: Weak<EventHub>, mut wake: watch::Receiver<News>, stop: CancellationToken) {
    loop {
        wake.mark_unchanged();
        let Some(held) = hub.upgrade() else { return };
        let full = match store.all_events_since(held.newest(), BATCH).await {
            Ok(events) => {
                let full = events.len() >= BATCH as usize;
                held.publish(events);
                full
            }
            Err(problem) => {
                if !stop.is_cancelled() {
                    tracing::warn!(code = %problem.code, "events cannot be read for now: {problem}");
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(POLL) => true,
                }
            }
        };
        drop(held);
        if full {
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            _ = wake.changed() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Someone who is given the events of a project in order, without gaps.
pub(crate) struct Listener {
    hub: Arc<EventHub>,
    news: watch::Receiver<EventId>,
    project: ProjectId,
    after: EventId,
}

impl Listener {
    /// The next events; waits until there are some. Safe to be dropped while it waits.
    ///
    /// # Errors
    /// Of the database, for one that is far behind; `shutting_down` when the library closes.
    pub(crate) async fn next(&mut self) -> Result<Vec<Arc<Published>>, Problem> {
        loop {
            let found = tokio::select! {
                () = self.hub.stop.cancelled() => None,
                found = self.hub.ring.next(&mut self.news, self.after) => found,
            };
            let ours: Vec<Arc<Published>> = match found {
                None => return Err(Problem::new(ErrorCode::ShuttingDown, "the library is closing")),
                Some(After::Here(events)) => {
                    self.after = events.last().map_or(self.after, |(last, _)| *last);
                    let events = events.into_iter().map(|(_, published)| published);
                    events.filter(|published| published.event.project == self.project).collect()
                }
                Some(After::Gone(floor)) => {
                    let events = self.hub.store.events_since(&self.project, self.after, BATCH).await?;
                    let is_all = events.len() < BATCH as usize;
                    let last = events.last().map_or(0, |event| event.id);
                    // What was removed or belongs to others leaves no row; up to the floor all was seen.
                    self.after = if is_all { last.max(floor) } else { last };
                    events.into_iter().map(|event| Arc::new(Published::new(event))).collect()
                }
            };
            if !ours.is_empty() {
                return Ok(ours);
            }
        }
    }

    /// The number of the last event it was given.
    pub(crate) fn seen(&self) -> EventId {
        self.after
    }

    /// Whether it has fallen further behind than events are kept in memory.
    pub(crate) fn is_far_behind(&self) -> bool {
        matches!(self.hub.ring.after(self.after), After::Gone(_))
    }

    /// Resolves when it has fallen so far behind.
    pub(crate) async fn falls_behind(&self) {
        let mut news = self.news.clone();
        while !self.is_far_behind() {
            if news.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Library {
    /// The one who reads events for all listeners of this process; the first caller starts it.
    pub(crate) async fn event_hub(&self) -> Result<&Arc<EventHub>, Problem> {
        self.events.get_or_try_init(|| EventHub::start(self.store().clone(), self.closing.clone())).await
    }

    /// Events of a project on one topic behind a number, in order.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn events_on(
        &self,
        project: &ProjectId,
        topic: &Topic,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<Event>, Problem> {
        self.store().events_on(project, topic, after, limit).await
    }

    /// What happened to a task, in order.
    ///
    /// # Errors
    /// `not_found`, and of the database.
    pub async fn task_events(
        &self,
        project: &ProjectId,
        task: &TaskId,
        after: EventId,
        limit: u32,
    ) -> Result<Vec<EventView>, Problem> {
        self.task(project, task).await?;
        let events = self.events_on(project, &Topic::Task(task.clone()), after, limit).await?;
        Ok(events.iter().map(EventView::from).collect())
    }

    /// The number up to which old events were removed.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn events_pruned_to(&self) -> Result<EventId, Problem> {
        self.store().events_pruned_to().await
    }

    /// Tells all who listen to a project something.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn broadcast(&self, project: &ProjectId, message: &serde_json::Value) -> Result<(), Problem> {
        self.store().announce(project, message).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use pagemill_store::StoreOptions;
    use serde_json::json;

    use super::*;

    async fn tell(store: &Store, number: usize) {
        let project = ProjectId::default_project();
        store.announce(&project, &json!({"number": number})).await.unwrap();
    }

    fn numbers(events: &[Arc<Published>]) -> Vec<EventId> {
        events.iter().map(|one| one.event.id).collect()
    }

    #[tokio::test]
    async fn listeners_miss_nothing_however_slow_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreOptions::sqlite(&folder.path().join("library.db"))).await.unwrap();
        tell(&store, 0).await;
        let hub = EventHub::start(store.clone(), CancellationToken::new()).await.unwrap();
        let project = ProjectId::default_project();
        let mut early = hub.listen(&project, 0);
        assert!(early.is_far_behind());
        let mut live = hub.listen(&project, hub.newest());
        let mut stranger = hub.listen(&ProjectId::new(), hub.newest());
        let count = KEPT + 300;
        let tellers = (1..=count).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { tell(&store, number).await })
        });
        futures::future::join_all(tellers).await;
        let expected: Vec<EventId> = (1..=count as EventId + 1).collect();
        let mut got = Vec::new();
        while got.len() < expected.len() {
            got.extend(numbers(&early.next().await.unwrap()));
        }
        assert_eq!(got, expected);
        live.falls_behind().await;
        let mut got = Vec::new();
        while got.len() < expected.len() - 1 {
            got.extend(numbers(&live.next().await.unwrap()));
        }
        assert_eq!(got, expected[1..]);
        assert!(!live.is_far_behind());
        let none = tokio::time::timeout(Duration::from_millis(50), stranger.next()).await;
        assert!(none.is_err(), "events of another project are not for it");
        store.close().await;
    }
}
