//! Threads that make vectors: one a core, at low priority, fed batch by batch.
//!
//! Batches of several documents share them, so that one long document uses every
//! core and many short ones starve nobody. Reading and answering come first: the
//! kernel gives these threads what is left. A text that makes the model panic costs
//! its batch; the thread lives on.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use pagemill_core::{ErrorCode, Problem, panic_text};
use pagemill_models::Embedder;
use tokio::sync::{mpsc, oneshot};

use super::Progress;

/// Texts of one batch: small enough to share the cores fairly and to prove progress.
const BATCH: usize = 8;
/// Batches waiting at most; whoever has more waits with them.
const WAITING: usize = 32;

/// Makes vectors of texts on the thread that calls it.
type Embed = dyn Fn(&[&str]) -> Vec<Vec<f32>> + Send + Sync;

struct Batch {
    texts: Vec<String>,
    answer: oneshot::Sender<Result<Vec<Vec<f32>>, Problem>>,
}

/// See the module.
pub(crate) struct EmbedPool {
    batches: mpsc::Sender<Batch>,
}

impl EmbedPool {
    /// Starts the threads. They end when the pool is dropped.
    pub(crate) fn start(embedder: Option<Arc<Embedder>>, threads: usize) -> Self {
        match embedder {
            Some(embedder) => Self::start_with(Arc::new(move |texts| embedder.embed(texts, 1)), threads),
            None => Self::start_with(Arc::new(|_| Vec::new()), 0),
        }
    }

    fn start_with(embed: Arc<Embed>, threads: usize) -> Self {
        let (batches, queue) = mpsc::channel::<Batch>(WAITING);
        let queue = Arc::new(std::sync::Mutex::new(queue));
        for number in 0..threads {
            let (embed, queue) = (Arc::clone(&embed), Arc::clone(&queue));
            let started = std::thread::Builder::new().name(format!("embed-{number}")).spawn(move || {
                let _ = rustix::process::nice(10);
                work(&*embed, &queue);
            });
            if let Err(error) = started {
                tracing::warn!(%error, "an embedding thread could not be started");
            }
        }
        Self { batches }
    }

    /// Vectors of texts, in their order.
    ///
    /// # Errors
    /// `shutting_down` when no thread runs, `work_crashed` when the model panicked.
    pub(crate) async fn embed(&self, texts: Vec<String>, progress: &Progress) -> Result<Vec<Vec<f32>>, Problem> {
        let count = texts.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|place| texts[*place].len());
        let mut texts: Vec<Option<String>> = texts.into_iter().map(Some).collect();
        let mut waiting = Vec::with_capacity(count.div_ceil(BATCH));
        for places in order.chunks(BATCH) {
            let batch = places.iter().filter_map(|place| texts[*place].take()).collect();
            let (answer, answered) = oneshot::channel();
            let sent = self.batches.send(Batch { texts: batch, answer }).await;
            sent.map_err(|_gone| stopped())?;
            waiting.push((places.to_vec(), answered));
        }
        let mut vectors = vec![Vec::new(); count];
        for (places, answered) in waiting {
            let answer = answered.await.map_err(|error| stopped().caused_by(error))??;
            progress.step();
            for (place, vector) in places.into_iter().zip(answer) {
                vectors[place] = vector;
            }
        }
        Ok(vectors)
    }
}

fn stopped() -> Problem {
    Problem::new(
        ErrorCode::ShuttingDown,
        "the embedding threads have stopped; the work goes on when the program runs again",
    )
}

fn work(embed: &Embed, queue: &std::sync::Mutex<mpsc::Receiver<Batch>>) {
    loop {
        // One thread at a time waits for the next batch; the others wait for it.
        let batch = match queue.lock() {
            Ok(mut queue) => queue.blocking_recv(),
            Err(_poisoned) => None,
        };
        let Some(batch) = batch else { return };
        let texts: Vec<&str> = batch.texts.iter().map(String::as_str).collect();
        let vectors = catch_unwind(AssertUnwindSafe(|| embed(&texts))).map_err(|panic| {
            let message = "the embedding model crashed on a passage; please report it";
            Problem::new(ErrorCode::WorkCrashed, message).caused_by(panic_text(panic.as_ref()))
        });
        // Whoever asked may have given up; its next run finds nothing lost.
        let _ = batch.answer.send(vectors);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_text_that_makes_the_model_panic_ends_no_thread() {
        let embed = |texts: &[&str]| {
            assert!(!texts.contains(&"poison"), "a defect");
            texts.iter().map(|text| vec![text.len() as f32]).collect()
        };
        let pool = EmbedPool::start_with(Arc::new(embed), 1);
        let progress = Progress::default();
        for _ in 0..3 {
            let problem = pool.embed(vec!["good".to_owned(), "poison".to_owned()], &progress).await.unwrap_err();
            assert_eq!(problem.code, ErrorCode::WorkCrashed);
            assert!(problem.with_causes().contains("a defect"), "{}", problem.with_causes());
            assert_eq!(pool.embed(vec!["good".to_owned()], &progress).await.unwrap(), [[4.0]]);
        }
    }
}
