//! A copy made while work goes on is the library of one moment, and comes back the same, in either database.

use pagemill_core::{ErrorCode, Stage};
use pagemill_store::{Store, StoreOptions, export, import};

use crate::{
    stories,
    world::{MODEL, World, code, sha256},
};

stories!(a_copy_comes_back_the_same, a_copy_is_of_one_moment, what_is_no_copy_is_refused);

async fn a_copy_comes_back_the_same(world: &World) {
    for name in ["a", "b", "c"] {
        world.add(name).await;
    }
    world.run_all(3).await;
    // One is in the middle of its work, held by a worker that the copy will not have.
    let open = world.add("d").await.document.id;
    let held = world.run_until(Stage::Embed, 2).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let exported = export(&world.options, &path).await.unwrap();
    assert_eq!((exported.documents, exported.blobs.len()), (4, 4));
    assert!(exported.blobs.contains(&sha256("d")));
    assert!(exported.left_out.is_empty(), "{:?}", exported.left_out);

    // Into SQLite, whichever it came from.
    let into = StoreOptions::sqlite(&folder.path().join("copy.db"));
    assert_eq!(import(&into, &path, exported.schema).await.unwrap(), exported.rows);
    let copy = Store::open(&into).await.unwrap();
    assert_eq!(copy.dump().await.unwrap(), world.store.dump().await.unwrap());
    let both = [&world.store, &copy];
    let [ours, theirs] = both.map(|store| store.pages(&open, 1, 1..=9, true));
    assert_eq!(ours.await.unwrap(), theirs.await.unwrap());
    let first = world.store.documents(&world.project, None, 10).await.unwrap();
    assert_eq!(copy.documents(&world.project, None, 10).await.unwrap(), first);
    let id = &first[0].0.id;
    assert_eq!(copy.index_vectors(id, 1, MODEL).await.unwrap(), world.store.index_vectors(id, 1, MODEL).await.unwrap());
    assert_eq!(copy.last_change().await.unwrap(), world.store.last_change().await.unwrap());
    // What the other worker held is free here at once, and it spent no attempt.
    let claim = copy.claim(&world.worker, &pagemill_core::Queue::ALL, 9, crate::world::LEASE).await.unwrap();
    assert_eq!(claim.iter().map(|claim| (&claim.job, claim.attempt)).collect::<Vec<_>>(), [(&held.job, 1)]);
    assert!(claim[0].fence > held.fence);
    copy.close().await;
    // Into PostgreSQL, whichever it came from.
    if let Some(other) = World::postgres().await {
        assert_eq!(import(&other.options, &path, exported.schema).await.unwrap(), exported.rows);
        assert_eq!(other.store.dump().await.unwrap(), world.store.dump().await.unwrap());
        let pages = other.store.pages(&open, 1, 1..=9, true).await.unwrap();
        assert_eq!(pages, world.store.pages(&open, 1, 1..=9, true).await.unwrap());
        let claims = other.claim(9).await;
        assert_eq!(claims.iter().map(|claim| &claim.job).collect::<Vec<_>>(), [&held.job]);
        other.end().await;
    }
    // Into one that holds documents: refused.
    assert_eq!(code(import(&world.options, &path, exported.schema).await), ErrorCode::Conflict);
}

async fn a_copy_is_of_one_moment(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let adding = async {
        for number in 0..30 {
            world.add(&format!("n {number}")).await;
            world.run_all(1).await;
        }
    };
    let copying = async {
        for number in 0..6 {
            let path = folder.path().join(format!("rows {number}"));
            let exported = export(&world.options, &path).await.unwrap();
            let into = StoreOptions::sqlite(&folder.path().join(format!("copy {number}.db")));
            import(&into, &path, exported.schema).await.unwrap();
            let copy = Store::open(&into).await.unwrap();
            let text = copy.dump().await.unwrap();
            assert_eq!(sha256(&text), exported.canonical);
            let documents = copy.documents(&world.project, None, 100).await.unwrap();
            assert_eq!(documents.len() as u64, exported.documents);
            assert!(text.contains("unused vectors | 0"), "{text}");
            copy.close().await;
        }
    };
    futures::future::join(adding, copying).await;
}

async fn what_is_no_copy_is_refused(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    let into = StoreOptions::sqlite(&folder.path().join("copy.db"));
    let schema = export(&world.options, &path).await.unwrap().schema;
    for text in [
        "nonsense\n",
        "[1]\n",
        "{\"table\":\"facts; DROP TABLE facts\",\"columns\":[{\"name\":\"key\",\"kind\":\"text\"}]}\n",
        "{\"table\":\"facts\",\"columns\":[{\"name\":\"key) --\",\"kind\":\"text\"}]}\n",
        "{\"table\":\"facts\",\"columns\":[{\"name\":\"key\",\"kind\":\"int\"}]}\n",
        "{\"table\":\"facts\",\"columns\":[{\"name\":\"key\",\"kind\":\"text\"}]}\n[\"a\",\"b\"]\n",
        "{\"table\":\"facts\",\"columns\":[{\"name\":\"key\",\"kind\":\"text\"}]}\n[1]\n",
    ] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(code(import(&into, &path, schema).await), ErrorCode::InvalidRequest, "{text}");
    }
    assert_eq!(code(import(&into, &path, schema + 1000).await), ErrorCode::SchemaTooNew);
    let nowhere = StoreOptions::sqlite(&folder.path().join("no such library.db"));
    if !world.is_postgres() {
        assert_eq!(code(export(&nowhere, &path).await), ErrorCode::NotFound);
    }
}
