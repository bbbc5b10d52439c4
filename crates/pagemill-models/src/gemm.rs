//! Products of rows of bytes with the weights of a linear map.
//!
//! Weights are packed when a model is imported: a panel for each 64 outputs, in it
//! a group for each four inputs, in it for each output the four weights. One
//! instruction of VNNI takes the four bytes of a row against sixteen outputs.

use crate::{
    format::PANEL,
    lanes::{Kernel, LANES, Lanes, Sums},
    model::Linear,
};

/// Rows whose sums are in registers at a time.
const ROWS: usize = 6;

/// Rows of numbers as bytes: number = scale × (byte − zero).
pub(crate) struct Quantised {
    width: usize,
    bytes: Vec<u8>,
    scales: Vec<f32>,
    zeros: Vec<i32>,
}

impl Quantised {
    /// Room for rows of that many numbers.
    pub(crate) fn new(width: usize) -> Self {
        Self { width, bytes: Vec::new(), scales: Vec::new(), zeros: Vec::new() }
    }

    /// Makes room for that many rows.
    pub(crate) fn resize(&mut self, rows: usize) {
        self.bytes.resize(rows * self.width, 0);
        self.scales.resize(rows, 0.0);
        self.zeros.resize(rows, 0);
    }

    /// The bytes of a row.
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        &self.bytes[row * self.width..(row + 1) * self.width]
    }

    /// Fills a row.
    #[inline(always)]
    pub(crate) fn set<L: Lanes>(&mut self, lanes: L, row: usize, numbers: &[f32]) {
        let (mut least, mut greatest) = (lanes.splat(0.0), lanes.splat(0.0));
        for chunk in numbers.as_chunks::<LANES>().0 {
            least = lanes.min(lanes.load(chunk), least);
            greatest = lanes.max(lanes.load(chunk), greatest);
        }
        let (least, greatest) = (lanes.least(least), lanes.greatest(greatest));
        let range = greatest - least;
        let (scale, per_unit) = if range > 1e-30 { (range / 255.0, 255.0 / range) } else { (0.0, 0.0) };
        let zero = (-least * per_unit).round_ties_even();
        self.scales[row] = scale;
        self.zeros[row] = zero as i32;
        let (factor, zero) = (lanes.splat(per_unit), lanes.splat(zero));
        let (low, high) = (lanes.splat(0.0), lanes.splat(255.0));
        let bytes = &mut self.bytes[row * self.width..(row + 1) * self.width];
        for (from, to) in numbers.as_chunks().0.iter().zip(bytes.as_chunks_mut().0) {
            let byte = lanes.round(lanes.mul_add(lanes.load(from), factor, zero));
            lanes.store_u8(lanes.min(lanes.max(byte, low), high), to);
        }
    }
}

/// `out[r]` = the linear map of row `first + r` of `input`, for as many rows as `out` has room for.
pub(crate) struct Product<'a> {
    pub(crate) map: &'a Linear,
    /// The packed weights of the map.
    pub(crate) weights: &'a [u8],
    pub(crate) input: &'a Quantised,
    pub(crate) first: usize,
    pub(crate) out: &'a mut [f32],
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { map, weights, input, first, out } = self;
        let rows = out.len() / map.outputs;
        for (panel, weights) in weights.chunks_exact(PANEL * map.inputs).enumerate() {
            let mut row = 0;
            while row < rows {
                let tile = Tile { map, weights, input, panel, first: first + row };
                let out = &mut out[row * map.outputs..];
                match rows - row {
                    1 => tile.compute::<L, 1>(lanes, out),
                    2 => tile.compute::<L, 2>(lanes, out),
                    3 => tile.compute::<L, 3>(lanes, out),
                    4 => tile.compute::<L, 4>(lanes, out),
                    5 => tile.compute::<L, 5>(lanes, out),
                    _ => tile.compute::<L, ROWS>(lanes, out),
                }
                row += ROWS;
            }
        }
    }
}

/// A few rows against one panel.
struct Tile<'a> {
    map: &'a Linear,
    weights: &'a [u8],
    input: &'a Quantised,
    panel: usize,
    first: usize,
}

impl Tile<'_> {
    #[inline(always)]
    fn compute<L: Lanes, const R: usize>(&self, lanes: L, out: &mut [f32]) {
        let columns = self.panel * PANEL..(self.panel + 1) * PANEL;
        let offsets = &self.map.sums[columns.clone()];
        let mut sums: [Sums; R] = std::array::from_fn(|r| {
            let zero = self.input.zeros[self.first + r];
            std::array::from_fn(|column| -zero * offsets[column])
        });
        let rows: [&[u8]; R] = std::array::from_fn(|r| self.input.row(self.first + r));
        lanes.dot_panel(rows, self.weights, &mut sums);
        for (r, sums) in sums.iter().enumerate() {
            let out = &mut out[r * self.map.outputs..][columns.clone()];
            self.finish(lanes, sums, self.input.scales[self.first + r], out);
        }
    }

    /// From sums of products of bytes to numbers.
    #[inline(always)]
    fn finish<L: Lanes>(&self, lanes: L, sums: &Sums, scale: f32, out: &mut [f32]) {
        let columns = self.panel * PANEL..(self.panel + 1) * PANEL;
        let scale = lanes.splat(scale);
        let scales = self.map.scales[columns.clone()].as_chunks::<LANES>().0;
        let biases = self.map.bias[columns].as_chunks::<LANES>().0;
        let outs = out.as_chunks_mut::<LANES>().0;
        for (((sums, scales), bias), out) in sums.as_chunks().0.iter().zip(scales).zip(biases).zip(outs) {
            let factor = lanes.mul(lanes.load(scales), scale);
            lanes.store(lanes.mul_add(lanes.load_i32(sums), factor, lanes.load(bias)), out);
        }
    }
}
