//! The embedder: texts in, vectors out.

use std::{
    fmt,
    ops::Range,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::{
    ModelError,
    encoder::{Scratch, encode},
    lanes::Instructions,
    model::{Model, Storage},
    tokenizer::tokenize,
};

/// Inputs share a batch until it has this many tokens: enough that weights,
/// read once for each batch, cost little beside the arithmetic.
const BATCH_TOKENS: usize = 192;
/// Texts a thread takes at a time to cut into tokens.
const TEXTS: usize = 16;

/// An embedding model, ready to run. Share one among threads.
pub struct Embedder {
    pub(crate) model: Model,
    instructions: Instructions,
}

impl fmt::Debug for Embedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedder").field("name", &self.name()).field("instructions", &self.instructions).finish()
    }
}

impl Embedder {
    /// The model this build carries.
    ///
    /// # Errors
    /// [`ModelError::Missing`] when it carries none.
    pub fn builtin() -> Result<Self, ModelError> {
        let bytes = crate::BUILTIN.ok_or(ModelError::Missing)?;
        Self::new(Storage::Builtin(bytes), Path::new("inside the program"))
    }

    /// A model file made by [`import`](crate::import()), mapped into memory.
    ///
    /// # Errors
    /// [`ModelError::Io`] when it cannot be read, [`ModelError::Invalid`] when it is
    /// damaged or of another format.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Self::new(Storage::map(path)?, path)
    }

    fn new(storage: Storage, path: &Path) -> Result<Self, ModelError> {
        Ok(Self { model: Model::open(storage, path)?, instructions: Instructions::best() })
    }

    /// A stable name that changes whenever its vectors may: model, precision, and the
    /// beginning of the checksum of its file.
    pub fn name(&self) -> &str {
        &self.model.name
    }

    /// How many numbers a vector has.
    pub fn dims(&self) -> usize {
        self.model.shape.hidden
    }

    /// The longest input in tokens, the two special ones included; what is beyond is not seen.
    pub fn max_tokens(&self) -> usize {
        self.model.shape.max_tokens
    }

    /// The number of tokens of a text, without special ones and however long it is.
    pub fn count_tokens(&self, text: &str) -> usize {
        let mut count = 0;
        tokenize(&self.model.vocabulary, text, |_, _| {
            count += 1;
            true
        });
        count
    }

    /// For each token of a text (without special ones) the byte offset after its end.
    pub fn token_ends(&self, text: &str) -> Vec<u32> {
        let mut ends = Vec::with_capacity(text.len() / 4);
        tokenize(&self.model.vocabulary, text, |_, end| {
            ends.push(end);
            true
        });
        ends
    }

    /// The vectors of texts, in their order, each of length 1, on that many threads.
    ///
    /// The vector of a text is the same to the last bit whatever else is in `texts`
    /// and however many threads there are.
    pub fn embed(&self, texts: &[&str], threads: usize) -> Vec<Vec<f32>> {
        let parts = texts.len().div_ceil(TEXTS);
        let tokens: Vec<Vec<u32>> = in_parallel(
            threads,
            parts,
            || (),
            |(), part| {
                let end = texts.len().min((part + 1) * TEXTS);
                texts[part * TEXTS..end].iter().map(|text| self.tokens(text)).collect::<Vec<_>>()
            },
        )
        .into_iter()
        .flatten()
        .collect();

        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(tokens[index].len()));
        let batches = batches(&order, &tokens);
        let encoded = in_parallel(
            threads,
            batches.len(),
            || Scratch::new(&self.model),
            |scratch, batch| {
                let inputs: Vec<&[u32]> = order[batches[batch].clone()].iter().map(|&i| tokens[i].as_slice()).collect();
                encode(&self.model, self.instructions, &inputs, scratch)
            },
        );
        let mut vectors = vec![Vec::new(); texts.len()];
        for (index, vector) in order.into_iter().zip(encoded.into_iter().flatten()) {
            vectors[index] = vector;
        }
        vectors
    }

    /// The vector of one short text, without the cost of starting threads.
    pub fn embed_query(&self, text: &str) -> Vec<f32> {
        let tokens = self.tokens(text);
        let mut scratch = Scratch::new(&self.model);
        encode(&self.model, self.instructions, &[&tokens], &mut scratch).pop().unwrap_or_default()
    }

    /// The tokens of a text as the encoder wants them: special ones around, cut to the longest input.
    fn tokens(&self, text: &str) -> Vec<u32> {
        let limit = self.max_tokens() - 1;
        let vocabulary = &self.model.vocabulary;
        let mut tokens = Vec::with_capacity((text.len() / 4 + 2).min(limit + 1));
        tokens.push(vocabulary.first);
        tokenize(vocabulary, text, |token, _| {
            tokens.push(token);
            tokens.len() < limit
        });
        tokens.push(vocabulary.last);
        tokens
    }
}

/// Cuts `order` (longest first) into batches.
fn batches(order: &[usize], tokens: &[Vec<u32>]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut filled) = (0, 0);
    for (at, &index) in order.iter().enumerate() {
        filled += tokens[index].len();
        if filled >= BATCH_TOKENS {
            batches.push(start..at + 1);
            (start, filled) = (at + 1, 0);
        }
    }
    if start < order.len() {
        batches.push(start..order.len());
    }
    batches
}

/// The results of `work` for `0..count`, in order. Threads take the next number when
/// they are done with one; each has a state of its own. One thread is the caller's.
fn in_parallel<S, T: Send>(
    threads: usize,
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        let mut state = state();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return done;
            }
            done.push((number, work(&mut state, number)));
        }
    };
    let helpers = threads.min(count).saturating_sub(1);
    let mut done = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..helpers).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for handle in handles {
            match handle.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
