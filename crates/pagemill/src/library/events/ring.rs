//! The last of what was published, kept for all who listen, and how they wait for more.
//!
//! `interleavings.rs` compiles this file a second time, over locks that try out who comes first.

use std::{collections::VecDeque, sync::Arc};

use pagemill_core::EventId;

use super::sync::{PoisonError, RwLock, watch};

/// Numbered items, the last `most` of them.
pub(super) struct Ring<T> {
    most: usize,
    kept: RwLock<Kept<T>>,
    newest: watch::Sender<EventId>,
}

struct Kept<T> {
    /// Every item with a number above this one is in `items`.
    floor: EventId,
    items: VecDeque<Item<T>>,
}

/// A number, and what was published under it.
pub(super) type Item<T> = (EventId, Arc<T>);

/// What was published after a number.
pub(super) enum After<T> {
    /// All of it, in order.
    Here(Vec<Item<T>>),
    /// What is not above this number is no longer kept.
    Gone(EventId),
}

impl<T> Ring<T> {
    /// An empty ring behind a number.
    pub(super) fn new(last: EventId, most: usize) -> Self {
        let kept = RwLock::new(Kept { floor: last, items: VecDeque::with_capacity(most) });
        Self { most, kept, newest: watch::Sender::new(last) }
    }

    /// The number of the newest item.
    pub(super) fn newest(&self) -> EventId {
        *self.newest.borrow()
    }

    /// Hears of each publication.
    pub(super) fn subscribe(&self) -> watch::Receiver<EventId> {
        self.newest.subscribe()
    }

    /// Adds items, whose numbers rise, and wakes all who wait.
    pub(super) fn publish(&self, items: Vec<Item<T>>) {
        let Some((last, _)) = items.last() else { return };
        let last = *last;
        {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            kept.items.extend(items);
            while kept.items.len() > self.most {
                if let Some((oldest, _)) = kept.items.pop_front() {
                    kept.floor = oldest;
                }
            }
        }
        self.newest.send_replace(last);
    }

    /// What was published after a number.
    pub(super) fn after(&self, number: EventId) -> After<T> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if number < kept.floor {
            return After::Gone(kept.floor);
        }
        let first = kept.items.partition_point(|(published, _)| *published <= number);
        After::Here(kept.items.range(first..).cloned().collect())
    }

    /// Waits until something was published after a number; safe to be dropped while it waits. `None` when the ring is
    /// gone.
    pub(super) async fn next(&self, news: &mut watch::Receiver<EventId>, number: EventId) -> Option<After<T>> {
        loop {
            // Before the look: what is published between the two wakes.
            news.mark_unchanged();
            match self.after(number) {
                After::Here(items) if items.is_empty() => news.changed().await.ok()?,
                found => return Some(found),
            }
        }
    }
}
