//! The encoder: tokens in, one vector out for each input.
//!
//! The tokens of several inputs are the rows of one matrix, without padding.
//! Only attention knows where an input begins; all else goes row by row. So what
//! comes out for an input depends on it alone, not on what shares its batch.

use crate::{
    attention::{self, Attend},
    functions::{AddAndNorm, Gelu, Quantise, normalise},
    gemm::{Product, Quantised},
    lanes::{Instructions, Kernel, LANES, Lanes},
    model::{Layer, Linear, Model},
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
    let mut batch = Batch { model, instructions, inputs, scratch };
    batch.begin();
    for layer in &model.layers {
        batch.attention(&layer.qkv);
        batch.output(layer);
        batch.up(&layer.up);
        batch.down(layer);
    }
    batch.instructions.run(Pool { inputs, hidden: model.shape.hidden, state: &batch.scratch.state })
}

/// Inputs on their way through the layers.
struct Batch<'a> {
    model: &'a Model,
    instructions: Instructions,
    inputs: &'a [&'a [u32]],
    scratch: &'a mut Scratch,
}

impl Batch<'_> {
    /// Makes room, and fills the state with embeddings.
    fn begin(&mut self) {
        let Self { model, inputs, scratch, .. } = self;
        let shape = &model.shape;
        let tokens = inputs.iter().map(|input| input.len()).sum::<usize>();
        scratch.state.resize(tokens * shape.hidden, 0.0);
        scratch.qkv.resize(tokens * shape.hidden * 3, 0.0);
        scratch.context.resize(tokens * shape.hidden, 0.0);
        scratch.input.resize(tokens);
        scratch.inner.resize(tokens);
        scratch.rows.resize(ROWS * shape.inner.max(shape.hidden), 0.0);
        self.instructions.run(Embed { model, inputs, state: &mut scratch.state, out: &mut scratch.input });
    }

    /// Attention, its result as bytes in `input`.
    fn attention(&mut self, qkv: &Linear) {
        let hidden = self.model.shape.hidden;
        let weights = self.model.weights(qkv);
        let scratch = &mut *self.scratch;
        for (block, out) in scratch.qkv.chunks_mut(ROWS * qkv.outputs).enumerate() {
            let input = &scratch.input;
            self.instructions.run(Product { map: qkv, weights, input, first: block * ROWS, out });
        }
        let (mut qkv, mut context) = (scratch.qkv.as_slice(), scratch.context.as_mut_slice());
        for input in self.inputs {
            let (its_qkv, rest) = qkv.split_at(input.len() * 3 * hidden);
            let (out, others) = context.split_at_mut(input.len() * hidden);
            (qkv, context) = (rest, others);
            self.instructions.run(Attend { qkv: its_qkv, hidden, scratch: &mut scratch.attention, out });
        }
        self.instructions.run(Quantise { numbers: &scratch.context, width: hidden, out: &mut scratch.input });
    }

    /// Adds what attention found to the state.
    fn output(&mut self, layer: &Layer) {
        let (map, weights) = (&layer.output, self.model.weights(&layer.output));
        let scratch = &mut *self.scratch;
        for (block, numbers) in scratch.state.chunks_mut(ROWS * map.outputs).enumerate() {
            let first = block * ROWS;
            let delta = &mut scratch.rows[..numbers.len()];
            self.instructions.run(Product { map, weights, input: &scratch.input, first, out: delta });
            let (norm, epsilon) = (&layer.attention_norm, self.model.shape.epsilon);
            self.instructions.run(AddAndNorm { numbers, delta, norm, epsilon, out: &mut scratch.input, first });
        }
    }

    /// The first half of the feed-forward part, its GELU as bytes in `inner`.
    fn up(&mut self, map: &Linear) {
        let weights = self.model.weights(map);
        let scratch = &mut *self.scratch;
        let tokens = scratch.state.len() / map.inputs;
        for first in (0..tokens).step_by(ROWS) {
            let numbers = &mut scratch.rows[..ROWS.min(tokens - first) * map.outputs];
            self.instructions.run(Product { map, weights, input: &scratch.input, first, out: numbers });
            self.instructions.run(Gelu { numbers, width: map.outputs, out: &mut scratch.inner, first });
        }
    }

    /// The second half, added to the state.
    fn down(&mut self, layer: &Layer) {
        let (map, weights) = (&layer.down, self.model.weights(&layer.down));
        let scratch = &mut *self.scratch;
        for (block, numbers) in scratch.state.chunks_mut(ROWS * map.outputs).enumerate() {
            let first = block * ROWS;
            let delta = &mut scratch.rows[..numbers.len()];
            self.instructions.run(Product { map, weights, input: &scratch.inner, first, out: delta });
            let (norm, epsilon) = (&layer.norm, self.model.shape.epsilon);
            self.instructions.run(AddAndNorm { numbers, delta, norm, epsilon, out: &mut scratch.input, first });
        }
    }
}

/// Token and position embeddings, normalised, as numbers and as bytes.
struct Embed<'a> {
    model: &'a Model,
    inputs: &'a [&'a [u32]],
    state: &'a mut [f32],
    out: &'a mut Quantised,
}

impl Kernel for Embed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let shape = &self.model.shape;
        let places = self.inputs.iter().flat_map(|input| input.iter().copied().enumerate());
        let rows = self.state.chunks_exact_mut(shape.hidden);
        for (row, ((place, token), state)) in places.zip(rows).enumerate() {
            let (word, scale) = self.model.word(token);
            let (position, scale) = (self.model.position(place).as_chunks::<LANES>().0, lanes.splat(scale));
            let states = state.as_chunks_mut::<LANES>().0;
            for ((word, position), state) in word.as_chunks().0.iter().zip(position).zip(states) {
                lanes.store(lanes.mul_add(lanes.load_i8(word), scale, lanes.load(position)), state);
            }
            normalise(lanes, state, &self.model.norm, shape.epsilon);
            self.out.set(lanes, row, state);
        }
    }
}

/// The mean over the tokens of each input, of length 1.
struct Pool<'a> {
    inputs: &'a [&'a [u32]],
    hidden: usize,
    state: &'a [f32],
}

impl Kernel for Pool<'_> {
    type Output = Vec<Vec<f32>>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<Vec<f32>> {
        let mut rest = self.state;
        let mut vectors = Vec::with_capacity(self.inputs.len());
        for input in self.inputs {
            let (states, after) = rest.split_at(input.len() * self.hidden);
            rest = after;
            let mut vector = vec![0.0; self.hidden];
            for state in states.chunks_exact(self.hidden) {
                for (sum, number) in vector.as_chunks_mut().0.iter_mut().zip(state.as_chunks().0) {
                    lanes.store(lanes.add(lanes.load(sum), lanes.load(number)), sum);
                }
            }
            let mut squares = lanes.splat(0.0);
            for chunk in vector.as_chunks().0 {
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
