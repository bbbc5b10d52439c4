//! Who publishes and who listens, in thousands of orders: nobody misses an item, and nobody sleeps on.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use pagemill_core::EventId;
use ring::{After, Ring};
use shuttle::{future::block_on, thread};

mod sync {
    pub(super) use std::sync::PoisonError;

    pub(super) use shuttle::sync::RwLock;

    /// That of tokio, each step of which is one for whoever decides on the order.
    pub(super) mod watch {
        use shuttle::thread::yield_now;
        use tokio::sync::watch;

        pub(in super::super) struct Sender<T>(watch::Sender<T>);
        pub(in super::super) struct Receiver<T>(watch::Receiver<T>);

        impl<T> Sender<T> {
            pub(in super::super) fn new(value: T) -> Self {
                Self(watch::Sender::new(value))
            }

            pub(in super::super) fn borrow(&self) -> watch::Ref<'_, T> {
                yield_now();
                self.0.borrow()
            }

            pub(in super::super) fn subscribe(&self) -> Receiver<T> {
                Receiver(self.0.subscribe())
            }

            pub(in super::super) fn send_replace(&self, value: T) -> T {
                yield_now();
                self.0.send_replace(value)
            }
        }

        impl<T> Receiver<T> {
            pub(in super::super) fn mark_unchanged(&mut self) {
                yield_now();
                self.0.mark_unchanged();
            }

            pub(in super::super) async fn changed(&mut self) -> Result<(), watch::error::RecvError> {
                yield_now();
                self.0.changed().await
            }
        }
    }
}

#[path = "ring.rs"]
#[allow(clippy::duplicate_mod, reason = "the same code over other locks")]
#[allow(dead_code, reason = "some of it is for the faces")]
mod ring;

const ORDERS: usize = 3000;
const LAST: EventId = 6;

/// Listens until the last number, and says how often it had to be told that something is gone.
fn listen(ring: &Ring<EventId>) -> usize {
    let mut news = ring.subscribe();
    let (mut seen, mut gone) = (0, 0);
    while seen < LAST {
        match block_on(ring.next(&mut news, seen)).unwrap() {
            After::Here(items) => {
                for (number, item) in items {
                    assert_eq!((number, *item), (seen + 1, seen + 1), "an item is missing or doubled");
                    seen = number;
                }
            }
            After::Gone(floor) => {
                assert!(floor > seen);
                (seen, gone) = (floor, gone + 1);
            }
        }
    }
    gone
}

fn many_orders(most: usize, may_lose: bool) {
    let run = move || {
        let ring = Arc::new(Ring::new(0, most));
        let listeners = [0, 1].map(|_| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || listen(&ring))
        });
        for numbers in [1..=1, 2..=4, 5..=LAST] {
            ring.publish(numbers.map(|number| (number, Arc::new(number))).collect());
        }
        for listener in listeners {
            let gone = listener.join().unwrap();
            assert!(may_lose || gone == 0, "all of it was kept");
        }
    };
    shuttle::check_random(run, ORDERS);
}

#[test]
fn listeners_are_woken_for_all_that_is_published() {
    many_orders(LAST as usize, false);
}

#[test]
fn who_is_too_slow_for_the_ring_is_told_so() {
    many_orders(2, true);
}
