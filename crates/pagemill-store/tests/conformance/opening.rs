//! Opening, closing and opening again; what cannot be opened says why.

use std::time::Duration;

use pagemill_core::ErrorCode;
use pagemill_store::{Store, StoreOptions};
use sqlx::Connection;

use crate::{
    stories,
    world::{World, code, sha256},
};

stories!(
    what_was_committed_is_there_after_opening_again,
    a_newer_schema_is_refused,
    a_closed_store_answers_with_a_problem,
    broken_connections_are_made_anew
);

async fn what_was_committed_is_there_after_opening_again(world: &World) {
    world.add("a").await;
    world.run_all(2).await;
    let dump = world.store.dump().await.unwrap();
    assert!(dump.contains(&sha256("a")));
    world.store.close().await;
    let again = Store::open(&world.options).await.unwrap();
    assert_eq!(again.dump().await.unwrap(), dump);
    again.close().await;
}

async fn a_newer_schema_is_refused(world: &World) {
    world.store.close().await;
    let url = world.options.url.clone();
    if world.is_postgres() {
        let mut conn = sqlx::PgConnection::connect(&url).await.unwrap();
        let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                   VALUES (9999, 'later', TRUE, '\\x00', 0)";
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    } else {
        let mut conn = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                   VALUES (9999, 'later', TRUE, x'00', 0)";
        sqlx::query(sql).execute(&mut conn).await.unwrap();
    }
    let problem = Store::open(&world.options).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::SchemaTooNew);
    assert!(problem.message.contains("9999"), "{}", problem.message);
}

async fn a_closed_store_answers_with_a_problem(world: &World) {
    world.store.close().await;
    let problem = world.store.add_document(&world.new_document("a")).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::DatabaseUnavailable);
    assert!(problem.message.contains(world.store.location()), "{}", problem.message);
    assert_eq!(code(world.store.last_event().await), ErrorCode::DatabaseUnavailable);
}

async fn broken_connections_are_made_anew(world: &World) {
    if !world.is_postgres() {
        return;
    }
    let mut admin = sqlx::PgConnection::connect(&world.options.url).await.unwrap();
    for round in 0..5 {
        world.add(&round.to_string()).await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sqlx::query(sql).execute(&mut admin).await.unwrap();
        // The server is there, only the connections are gone: nobody needs to hear of it.
        assert_eq!(world.claim(10).await.len(), 1);
    }
}

#[tokio::test]
async fn a_server_out_of_reach_is_named_without_its_password() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("postgres://ada:s3cret@127.0.0.1:{port}/mill");
    let problem = Store::open(&StoreOptions { patience: Duration::from_millis(300), ..StoreOptions::new(url) })
        .await
        .unwrap_err();
    assert_eq!(problem.code, ErrorCode::DatabaseUnavailable);
    assert!(problem.message.contains("127.0.0.1") && !problem.message.contains("s3cret"), "{}", problem.message);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "these are notes and not a database ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let problem = Store::open(&StoreOptions::sqlite(&path)).await.unwrap_err();
    assert_eq!(problem.code, ErrorCode::InvalidConfig);
    assert!(problem.message.contains("notes.txt"), "{}", problem.message);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_cannot_hold_a_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing").join("library.db"), folder.path().to_path_buf()] {
        let problem = Store::open(&StoreOptions::sqlite(&path)).await.unwrap_err();
        assert_eq!(problem.code, ErrorCode::ReadOnly, "{problem:?}");
        assert!(problem.message.contains(path.to_str().unwrap()));
    }
}

#[tokio::test]
async fn a_library_of_an_earlier_boot_has_no_leases() {
    let world = World::sqlite().await;
    world.add("a").await;
    let stale = world.claim_one().await;
    world.store.set_fact("lease_boot", "another boot").await.unwrap();
    let again = Store::open(&world.options).await.unwrap();
    let claims = again.claim(&world.worker, &pagemill_core::Queue::ALL, 1, crate::world::LEASE).await.unwrap();
    // The machine stopped, not the worker: neither a crash nor an attempt is counted.
    assert_eq!((claims[0].attempt, claims[0].crashes), (1, 0));
    assert_eq!(code(again.finish_stage(&stale).await), ErrorCode::LeaseLost);
    again.close().await;
    world.end().await;
}
