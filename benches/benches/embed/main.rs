//! Embedding of chunks, beside `rten` with the same weights in the same run.
//!
//! ```sh
//! cargo bench -p pagemill-benches --bench embed -- SOURCE [CHUNKS] [THREADS]
//! ```
//! SOURCE is the unpacked folder of the model (`model.safetensors`, `tokenizer.json`).
//! The texts are the documentation of this workspace's own code, cut into chunks of 199
//! tokens. Rounds alternate, so that a busy machine slows both sides; what is
//! printed is the best of the rounds, by the clock and by processor time.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod onnx;
mod peer;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use pagemill_models::{Embedder, MODEL_FILE, import};
use rustix::time::{ClockId, clock_gettime};

type Error = Box<dyn std::error::Error + Send + Sync>;

const ROUNDS: usize = 3;
const CHUNK_TOKENS: usize = 197;

fn main() -> ExitCode {
    // `cargo bench` adds `--bench` of its own.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize, usual: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let Some(source) = arguments.first() else {
        eprintln!("embed: nothing measured: name the unpacked folder of the model");
        return ExitCode::SUCCESS;
    };
    match run(Path::new(source), number(1, 64), number(2, 2)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(source: &Path, count: usize, threads: usize) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(MODEL_FILE);
    println!("imported {:?}", import(source, &file)?);
    let ours = Embedder::open(&file)?;
    let (tokenizer, weights) = (fs::read(source.join("tokenizer.json"))?, fs::read(source.join("model.safetensors"))?);
    let exact = peer::Peer::new(&tokenizer, &weights, false)?;
    let int8 = peer::Peer::new(&tokenizer, &weights, true)?;

    let text = documentation(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crates"))?;
    let chunks = chunks(&ours, &text, count);
    println!("{} chunks of {} tokens, {threads} threads", chunks.len(), CHUNK_TOKENS + 2);
    let reference = exact.embed(&chunks, threads)?;

    let mut best = [Cost::MAX; 2];
    let mut vectors = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        vectors[0] = best[0].measure(|| Ok(ours.embed(&chunks, threads)))?;
        vectors[1] = best[1].measure(|| int8.embed(&chunks, threads))?;
    }
    for (name, cost, vectors) in [("pagemill int8", &best[0], &vectors[0]), ("rten 0.27 int8", &best[1], &vectors[1])] {
        let cosines: Vec<f32> = vectors.iter().zip(&reference).map(|(a, b)| cosine(a, b)).collect();
        let mean = cosines.iter().sum::<f32>() / cosines.len() as f32;
        let least = cosines.iter().copied().fold(1.0, f32::min);
        println!(
            "{name:15} {:6.1} chunks/s  {:6.1} chunks per CPU second  cosine to fp32 mean {mean:.4} min {least:.4}",
            chunks.len() as f64 / cost.clock.as_secs_f64(),
            chunks.len() as f64 / cost.processor.as_secs_f64(),
        );
    }
    println!(
        "ratio {:.2} by the clock, {:.2} by processor time",
        best[1].clock.as_secs_f64() / best[0].clock.as_secs_f64(),
        best[1].processor.as_secs_f64() / best[0].processor.as_secs_f64(),
    );
    queries(&ours, &int8, &chunks)?;
    tokens(&ours, &tokenizer, &chunks)
}

/// One short text at a time, on one thread.
fn queries(ours: &Embedder, peer: &peer::Peer, chunks: &[&str]) -> Result<(), Error> {
    let queries: Vec<String> =
        chunks.iter().map(|chunk| chunk.split_whitespace().take(10).collect::<Vec<_>>().join(" ")).collect();
    let mut costs = [Vec::new(), Vec::new()];
    for query in &queries {
        let mut cost = Cost::MAX;
        cost.measure(|| Ok(ours.embed_query(query)))?;
        costs[0].push(cost.clock);
        let mut cost = Cost::MAX;
        cost.measure(|| peer.embed(&[query], 1))?;
        costs[1].push(cost.clock);
    }
    let [ours, peer] = costs.map(|mut costs| {
        costs.sort();
        costs[costs.len() / 2].as_secs_f64() * 1e3
    });
    println!("query of 10 words, median: pagemill {ours:.2} ms, rten {peer:.2} ms");
    Ok(())
}

/// Cutting into tokens, on one thread.
fn tokens(ours: &Embedder, tokenizer: &[u8], chunks: &[&str]) -> Result<(), Error> {
    let mut peer = tokenizers::Tokenizer::from_bytes(tokenizer)?;
    peer.with_padding(None);
    peer.with_truncation(None)?;
    let mut best = [Cost::MAX; 2];
    for _ in 0..ROUNDS {
        let ours = best[0].measure(|| Ok(chunks.iter().map(|chunk| ours.count_tokens(chunk)).sum::<usize>()))?;
        let peers = best[1].measure(|| {
            chunks.iter().map(|chunk| Ok(peer.encode(*chunk, false)?.len())).sum::<Result<usize, Error>>()
        })?;
        assert_eq!(ours, peers, "the tokenizers differ");
    }
    let [ours, peer] = best.map(|cost| cost.processor.as_secs_f64() * 1e6 / chunks.len() as f64);
    println!("tokens of a chunk: pagemill {ours:.0} µs, tokenizers {peer:.0} µs");
    Ok(())
}

/// What something took.
#[derive(Clone, Copy)]
struct Cost {
    clock: Duration,
    processor: Duration,
}

impl Cost {
    const MAX: Self = Self { clock: Duration::MAX, processor: Duration::MAX };

    /// Keeps the lesser of what was known and what `work` takes now.
    fn measure<T>(&mut self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let (clock, processor) = (Instant::now(), processor_time());
        let result = work()?;
        self.clock = self.clock.min(clock.elapsed());
        self.processor = self.processor.min(processor_time() - processor);
        Ok(result)
    }
}

/// Processor time of all threads of this process.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The comments of all Rust files in a folder, which are sentences.
fn documentation(folder: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, Error>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            text += &documentation(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            for line in fs::read_to_string(&path)?.lines() {
                let line = line.trim_start();
                if let Some(comment) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) {
                    text.push_str(comment);
                    text.push('\n');
                }
            }
        }
    }
    Ok(text)
}

fn chunks<'a>(embedder: &Embedder, text: &'a str, count: usize) -> Vec<&'a str> {
    let ends = embedder.token_ends(text);
    let mut start = 0;
    let mut chunks = Vec::new();
    for tokens in ends.chunks_exact(CHUNK_TOKENS).take(count) {
        let end = tokens[CHUNK_TOKENS - 1] as usize;
        chunks.push(&text[start..end]);
        start = end;
    }
    chunks
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
