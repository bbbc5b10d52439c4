//! The encoder: tokens in, one vector out for each input.
//!
//! The tokens of several inputs are the rows of one matrix, without padding.
//! Only attention knows where an input begins; all else goes row by row. So what
//! comes out for an input depends on it alone, not on what shares its batch.

use crate::{
    attention::{self, attend},
    functions::{add_and_norm, gelu_rows},
    gemm::{Quantised, linear},
    lanes::{Instructions, Kernel, LANES, Lanes},
    model::{Linear, Model},
};

/// Rows that go through a linear map together: few enough that their results are
/// still in the second-level cache when they are worked on.
const ROWS: usize = 24;

/// Memory of a thread that encodes, kept from batch to batch.
pub(crate) struct Scratch {
    /// The state: a row of `hidden` numbers a token.
    state: Vec<f32>,
    /// The state, or what attention made of it, as bytes.
    input: Quantised,
    /// Queries, keys and values.
    qkv: Vec<f32>,
    /// What attention made.
    context: Vec<f32>,
    /// The inner half of the feed-forward part, as bytes.
    inner: Quantised,
    /// The results of a linear map for a few rows.
    rows: Vec<f32>,
    attention: attention::Scratch,
}

impl Scratch {
    /// For batches of that model.
    pub(crate) fn new(model: &Model) -> Self {
        Self {
            state: Vec::new(),
            input: Quantised::new(model.shape.hidden),
            qkv: Vec::new(),
            context: Vec::new(),
            inner: Quantised::new(model.shape.inner),
            rows: Vec::new(),
            attention: attention::Scratch::default(),
        }
    }
}

/// The vectors of inputs, each given by its tokens (at least one, at most as many as the model takes).
pub(crate) fn encode(
    model: &Model,
    instructions: Instructions,
    inputs: &[&[u32]],
    scratch: &mut Scratch,
) -> Vec<Vec<f32>> {
    instructions.run(Encode { model, inputs, scratch })
}

struct Encode<'a> {
    model: &'a Model,
    inputs: &'a [&'a [u32]],
    scratch: &'a mut Scratch,
}

impl Kernel for Encode<'_> {
    type Output = Vec<Vec<f32>>;

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) -> Self::Output {
        self.embed_tokens(lanes);
        for layer in &self.model.layers {
            self.attention(lanes, &layer.qkv);
            let context = Source::Context;
            self.add_linear(lanes, &layer.output, context, &layer.attention_norm);
            self.up(lanes, &layer.up);
            self.add_linear(lanes, &layer.down, Source::Inner, &layer.norm);
        }
        self.pool(lanes)
    }
}

/// Which bytes a linear map reads.
enum Source {
    Context,
    Inner,
}

impl Encode<'_> {
    /// Token and position embeddings, normalised.
    #[inline(always)]
    fn embed_tokens<L: Lanes>(&mut self, lanes: L) {
        let shape = &self.model.shape;
        let tokens = self.inputs.iter().map(|input| input.len()).sum::<usize>();
        let scratch = &mut *self.scratch;
        scratch.state.resize(tokens * shape.hidden, 0.0);
        scratch.qkv.resize(tokens * shape.hidden * 3, 0.0);
        scratch.context.resize(tokens * shape.hidden, 0.0);
        scratch.input.resize(tokens);
        scratch.inner.resize(tokens);
        scratch.rows.resize(ROWS * shape.inner.max(shape.hidden), 0.0);
        let places = self.inputs.iter().flat_map(|input| input.iter().copied().enumerate());
        let rows = scratch.state.chunks_exact_mut(shape.hidden);
        for (row, ((place, token), state)) in places.zip(rows).enumerate() {
            let (word, scale) = self.model.word(token);
            let (position, scale) = (self.model.position(place).as_chunks::<LANES>().0, lanes.splat(scale));
            let states = state.as_chunks_mut::<LANES>().0;
            for ((word, position), state) in word.as_chunks().0.iter().zip(position).zip(states) {
                lanes.store(lanes.mul_add(lanes.load_i8(word), scale, lanes.load(position)), state);
            }
            add_and_norm(lanes, state, None, &self.model.norm, shape.epsilon, (&mut scratch.input, row));
        }
    }

    /// Attention, its result as bytes in `input`.
    #[inline(always)]
    fn attention<L: Lanes>(&mut self, lanes: L, qkv: &Linear) {
        let hidden = self.model.shape.hidden;
        let weights = self.model.weights(qkv);
        let scratch = &mut *self.scratch;
        for (block, out) in scratch.qkv.chunks_mut(ROWS * qkv.outputs).enumerate() {
            linear(lanes, qkv, weights, &scratch.input, block * ROWS, out);
        }
        let mut first = 0;
        for input in self.inputs {
            let end = first + input.len();
            let qkv = &scratch.qkv[first * 3 * hidden..end * 3 * hidden];
            attend(lanes, qkv, hidden, &mut scratch.attention, &mut scratch.context[first * hidden..end * hidden]);
            first = end;
        }
        for (row, context) in scratch.context.chunks_exact(hidden).enumerate() {
            let (mut least, mut greatest) = (lanes.splat(0.0), lanes.splat(0.0));
            for chunk in context.as_chunks::<LANES>().0 {
                least = lanes.min(least, lanes.load(chunk));
                greatest = lanes.max(greatest, lanes.load(chunk));
            }
            scratch.input.set(lanes, row, context, lanes.least(least), lanes.greatest(greatest));
        }
    }

    /// The first half of the feed-forward part, its GELU as bytes in `inner`.
    #[inline(always)]
    fn up<L: Lanes>(&mut self, lanes: L, up: &Linear) {
        let weights = self.model.weights(up);
        let scratch = &mut *self.scratch;
        let tokens = scratch.state.len() / self.model.shape.hidden;
        for first in (0..tokens).step_by(ROWS) {
            let out = &mut scratch.rows[..ROWS.min(tokens - first) * up.outputs];
            linear(lanes, up, weights, &scratch.input, first, out);
            gelu_rows(lanes, out, up.outputs, &mut scratch.inner, first);
        }
    }

    /// Adds a linear map of bytes to the state and normalises it.
    #[inline(always)]
    fn add_linear<L: Lanes>(&mut self, lanes: L, map: &Linear, source: Source, norm: &crate::model::Norm) {
        let shape = &self.model.shape;
        let weights = self.model.weights(map);
        let scratch = &mut *self.scratch;
        for (block, states) in scratch.state.chunks_mut(ROWS * shape.hidden).enumerate() {
            let first = block * ROWS;
            let out = &mut scratch.rows[..states.len()];
            let source = match source {
                Source::Context => &scratch.input,
                Source::Inner => &scratch.inner,
            };
            linear(lanes, map, weights, source, first, out);
            let rows = states.chunks_exact_mut(shape.hidden).zip(out.chunks_exact(shape.hidden));
            for (r, (state, delta)) in rows.enumerate() {
                add_and_norm(lanes, state, Some(delta), norm, shape.epsilon, (&mut scratch.input, first + r));
            }
        }
    }

    /// The mean over the tokens of each input, of length 1.
    #[inline(always)]
    fn pool<L: Lanes>(&mut self, lanes: L) -> Vec<Vec<f32>> {
        let hidden = self.model.shape.hidden;
        let mut rest = self.scratch.state.as_slice();
        let mut vectors = Vec::with_capacity(self.inputs.len());
        for input in self.inputs {
            let (states, after) = rest.split_at(input.len() * hidden);
            rest = after;
            let mut vector = vec![0.0; hidden];
            for state in states.chunks_exact(hidden) {
                for (sum, number) in vector.as_chunks_mut::<LANES>().0.iter_mut().zip(state.as_chunks().0) {
                    lanes.store(lanes.add(lanes.load(sum), lanes.load(number)), sum);
                }
            }
            let mut squares = lanes.splat(0.0);
            for chunk in vector.as_chunks::<LANES>().0 {
                squares = lanes.mul_add(lanes.load(chunk), lanes.load(chunk), squares);
            }
            let length = lanes.sum(squares).sqrt();
            if length > 0.0 {
                vector.iter_mut().for_each(|number| *number /= length);
            }
            vectors.push(vector);
        }
        vectors
    }
}
