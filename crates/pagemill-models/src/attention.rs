//! Attention: each token of an input takes from the others, one head of 32 numbers at a time.

use crate::{
    format::HEAD,
    functions::exp,
    lanes::{Kernel, LANES, Lanes},
};

/// Queries that are worked on together.
const QUERIES: usize = 8;
/// Vectors of a head.
const PARTS: usize = HEAD / LANES;

/// Room for one head of one input.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Keys, transposed: row `d` has number `d` of each key, filled up with zeros to whole vectors.
    keys: Vec<f32>,
    /// Values, a row a token.
    values: Vec<[f32; HEAD]>,
    /// For each query of a group, what each token gives to it.
    weights: Vec<f32>,
}

/// `out` (rows of `hidden`) = attention over the tokens of one input, whose queries,
/// keys and values are the thirds of each row of `qkv`.
pub(crate) struct Attend<'a> {
    pub(crate) qkv: &'a [f32],
    pub(crate) hidden: usize,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { qkv, hidden, scratch, out } = self;
        let tokens = qkv.len() / (3 * hidden);
        for head in 0..hidden / HEAD {
            scratch.load(qkv, hidden, head, tokens);
            let mut first = 0;
            while first < tokens {
                let group = Group { qkv, hidden, head, tokens, first };
                first += match tokens - first {
                    QUERIES.. => group.attend::<L, QUERIES>(lanes, scratch, out),
                    4.. => group.attend::<L, 4>(lanes, scratch, out),
                    2.. => group.attend::<L, 2>(lanes, scratch, out),
                    _ => group.attend::<L, 1>(lanes, scratch, out),
                };
            }
        }
    }
}

impl Scratch {
    /// Gathers the keys and values of a head.
    #[inline(always)]
    fn load(&mut self, qkv: &[f32], hidden: usize, head: usize, tokens: usize) {
        let width = tokens.next_multiple_of(LANES);
        self.keys.resize(HEAD * width, 0.0);
        self.values.resize(tokens, [0.0; HEAD]);
        self.weights.resize(QUERIES * width, 0.0);
        let part = |row: &[f32], part: usize| -> [f32; HEAD] {
            let mut numbers = [0.0; HEAD];
            numbers.copy_from_slice(&row[part * hidden + head * HEAD..][..HEAD]);
            numbers
        };
        for (value, row) in self.values.iter_mut().zip(qkv.chunks_exact(3 * hidden)) {
            *value = part(row, 2);
        }
        // Sixteen keys are transposed in the first-level cache before they are written out.
        for (block, rows) in qkv.chunks(LANES * 3 * hidden).enumerate() {
            let mut turned = [[0.0; LANES]; HEAD];
            for (token, row) in rows.chunks_exact(3 * hidden).enumerate() {
                for (numbers, number) in turned.iter_mut().zip(part(row, 1)) {
                    numbers[token] = number;
                }
            }
            for (column, numbers) in self.keys.chunks_exact_mut(width).zip(turned) {
                column[block * LANES..][..LANES].copy_from_slice(&numbers);
            }
        }
    }
}

/// Queries `first…` of a head.
struct Group<'a> {
    qkv: &'a [f32],
    hidden: usize,
    head: usize,
    tokens: usize,
    first: usize,
}

impl Group<'_> {
    /// Works on `Q` queries and says so.
    #[inline(always)]
    fn attend<L: Lanes, const Q: usize>(&self, lanes: L, scratch: &mut Scratch, out: &mut [f32]) -> usize {
        let width = self.tokens.next_multiple_of(LANES);
        let Scratch { keys, values, weights } = scratch;
        let queries: [&[f32; HEAD]; Q] = std::array::from_fn(|q| {
            let row = &self.qkv[(self.first + q) * 3 * self.hidden + self.head * HEAD..];
            &row.as_chunks::<HEAD>().0[0]
        });
        let mut at = 0;
        while at + 2 * LANES <= width {
            scores::<L, Q, 2>(lanes, queries, keys, weights, width, at);
            at += 2 * LANES;
        }
        if at < width {
            scores::<L, Q, 1>(lanes, queries, keys, weights, width, at);
        }
        let mut shares = [0.0_f32; Q];
        for (share, row) in shares.iter_mut().zip(weights.chunks_exact_mut(width)) {
            *share = 1.0 / soften(lanes, row, self.tokens);
        }
        let mut sums = [[lanes.splat(0.0); PARTS]; Q];
        for (token, value) in values.iter().enumerate() {
            let parts = value.as_chunks::<LANES>().0;
            for (q, sum) in sums.iter_mut().enumerate() {
                let weight = lanes.splat(weights[q * width + token]);
                for (sum, part) in sum.iter_mut().zip(parts) {
                    *sum = lanes.mul_add(weight, lanes.load(part), *sum);
                }
            }
        }
        for (q, (sum, share)) in sums.into_iter().zip(shares).enumerate() {
            let out = &mut out[(self.first + q) * self.hidden + self.head * HEAD..];
            for (sum, out) in sum.into_iter().zip(out.as_chunks_mut::<LANES>().0) {
                lanes.store(lanes.mul(sum, lanes.splat(share)), out);
            }
        }
        Q
    }
}

/// The products of queries with the keys of `V` vectors from `at` on.
#[inline(always)]
fn scores<L: Lanes, const Q: usize, const V: usize>(
    lanes: L,
    queries: [&[f32; HEAD]; Q],
    keys: &[f32],
    weights: &mut [f32],
    width: usize,
    at: usize,
) {
    let mut sums = [[lanes.splat(0.0); V]; Q];
    for (d, column) in keys.chunks_exact(width).enumerate() {
        let column = column[at..at + V * LANES].as_chunks::<LANES>().0;
        for (sum, query) in sums.iter_mut().zip(queries) {
            let number = lanes.splat(query[d]);
            for (sum, keys) in sum.iter_mut().zip(column) {
                *sum = lanes.mul_add(number, lanes.load(keys), *sum);
            }
        }
    }
    for (sum, weights) in sums.into_iter().zip(weights.chunks_exact_mut(width)) {
        for (sum, weights) in sum.into_iter().zip(weights[at..].as_chunks_mut::<LANES>().0) {
            lanes.store(sum, weights);
        }
    }
}

/// Replaces scores by their exponentials, the greatest becoming 1, and gives their sum.
/// What is filled up beyond `tokens` becomes 0.
#[inline(always)]
fn soften<L: Lanes>(lanes: L, scores: &mut [f32], tokens: usize) -> f32 {
    for filler in &mut scores[tokens..] {
        *filler = f32::MIN;
    }
    let chunks = scores.as_chunks_mut::<LANES>().0;
    let mut greatest = lanes.splat(f32::MIN);
    for chunk in chunks.iter() {
        greatest = lanes.max(greatest, lanes.load(chunk));
    }
    let greatest = lanes.splat(lanes.greatest(greatest));
    let mut sum = lanes.splat(0.0);
    for chunk in chunks {
        let value = exp(lanes, lanes.sub(lanes.load(chunk), greatest));
        sum = lanes.add(sum, value);
        lanes.store(value, chunk);
    }
    lanes.sum(sum)
}
