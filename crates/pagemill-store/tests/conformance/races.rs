//! Documents change in the middle of work, at random moments.

use pagemill_core::{DocumentId, ErrorCode, Stage, TaskStatus, WorkerId};

use crate::{
    shop::{USUAL, anew, replacement, texts, work, work_off},
    stories,
    world::{LEASE, MODEL, World},
};

stories!(changes_race_with_work);

/// Workers of two processes, and a person who changes, cancels and deletes at random moments. Whatever happens, what is
/// left is whole: at the end every document is there with the text of its bytes, or gone without a trace.
async fn changes_race_with_work(world: &World) {
    let empty = world.store.dump().await.unwrap();
    let rounds = std::env::var("PAGEMILL_RACES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_u32);
    let mut chance = Chance::new();
    let seed = chance.seed;
    for round in 0..rounds {
        let id = world.add(&format!("first {round}")).await.document.id;
        let person = person(world, &id, round, &mut chance);
        let workers = futures::future::join(run_worker(world), run_worker(world));
        let (deleted, _) = futures::future::join(person, workers).await;
        work_off(world, USUAL).await;
        if !deleted {
            let task = world.task_of(&id).await;
            if task.status != TaskStatus::Completed {
                assert_eq!(task.status, TaskStatus::Cancelled);
                world.store.retry_task(&world.project, &task.id).await.unwrap().unwrap();
                work_off(world, USUAL).await;
            }
            let document = world.store.document(&world.project, &id).await.unwrap().unwrap();
            for text in texts(world, &id).await {
                assert!(text.ends_with(&document.sha256), "{text} is not of {}, seed {seed}", document.sha256);
            }
            let live = document.live_version.unwrap();
            assert_eq!(world.store.index_vectors(&id, live, MODEL).await.unwrap().len(), 10);
            assert_eq!(world.store.page_ledger(&id, live).await.unwrap().len(), 5);
            let dump = world.store.dump().await.unwrap();
            assert!(dump.contains("versions | 1") && dump.contains("unused vectors | 0"), "seed {seed}: {dump}");
            world.store.delete_document(&world.project, &id).await.unwrap().unwrap();
        }
        assert_eq!(world.store.dump().await.unwrap(), empty, "round {round}, seed {seed}");
    }
}

/// Numbers by chance, the same again for the same seed (xorshift64, Marsaglia 2003).
struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// From `PAGEMILL_SEED`, else from the clock.
    fn new() -> Self {
        let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = std::env::var("PAGEMILL_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
        Self { seed, state: seed | 1 }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) % end
    }
}

/// What a person does to a document; returns whether it was deleted at last.
async fn person(world: &World, id: &DocumentId, round: u32, chance: &mut Chance) -> bool {
    for act in 0..6 {
        // Each look at the database lets the workers get on.
        for _ in 0..chance.below(24) {
            world.store.document(&world.project, id).await.unwrap();
        }
        let (store, project) = (&world.store, &world.project);
        let done = match chance.below(5) {
            0 => store.process_document(project, id, &anew(None)).await.map(drop),
            1 => store.process_document(project, id, &anew(Some(Stage::Chunk))).await.map(drop),
            2 | 3 => store.replace_document(project, id, &replacement(&format!("{round} {act}"))).await.map(drop),
            _ => {
                let task = world.task_of(id).await;
                store.cancel_task(project, &task.id).await.map(drop)
            }
        };
        if let Err(problem) = done {
            assert_eq!(problem.code, ErrorCode::Conflict, "{problem:?}");
        }
    }
    let is_deleted = round.is_multiple_of(2);
    if is_deleted {
        world.store.delete_document(&world.project, id).await.unwrap().unwrap();
    }
    is_deleted
}

/// A worker of a process of its own, until nothing is to be done.
async fn run_worker(world: &World) {
    let worker = WorkerId::new();
    let mut idle = 0;
    while idle < 40 {
        let claims = world.store.claim(&worker, &pagemill_core::Queue::ALL, 1, LEASE).await.unwrap();
        let Some(claim) = claims.first() else {
            idle += 1;
            continue;
        };
        idle = 0;
        if let Err(problem) = work(world, claim, USUAL).await {
            assert_eq!(problem.code, ErrorCode::LeaseLost, "{problem:?}");
        }
    }
}
