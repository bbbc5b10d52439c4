//! One story for both databases: everything the store promises, told on SQLite always and on PostgreSQL when
//! `PAGEMILL_TEST_POSTGRES` names a server (`scripts/postgres` starts one). With `PAGEMILL_REQUIRE_POSTGRES`
//! set, a missing server is a failure.
#![allow(clippy::unwrap_used)]

mod backup;
mod changes;
mod control;
mod deletion;
mod documents;
mod events;
mod fencing;
mod floats;
mod leases;
mod ledger;
mod model;
mod opening;
mod passages;
mod queue;
mod races;
mod recognitions;
mod schedules;
mod shop;
mod stages;
mod tasks;
mod versions;
mod webhooks;
mod world;

/// Makes a test for each database of stories that take a [`world::World`].
macro_rules! stories {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() {
                crate::world::tell_sqlite(|world| Box::pin(super::$name(world)));
            })*
        }
        mod postgres {
            $(#[test] fn $name() {
                crate::world::tell_postgres(|world| Box::pin(super::$name(world)));
            })*
        }
    };
}
pub(crate) use stories;
