//! The functions of a transformer, sixteen numbers at a time.

use crate::{
    gemm::Quantised,
    lanes::{Kernel, LANES, Lanes},
    model::Norm,
};

/// e to the power of `x`, for `x` from -87 (smaller is taken for it) to 88; relative error below 2e-7.
///
/// Cody and Waite's reduction to |r| ≤ ln 2 / 2, then a polynomial (Cephes, `expf`).
#[inline(always)]
pub(crate) fn exp<L: Lanes>(lanes: L, x: L::F) -> L::F {
    const COEFFICIENTS: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    let x = lanes.max(x, lanes.splat(-87.0));
    let n = lanes.round(lanes.mul(x, lanes.splat(std::f32::consts::LOG2_E)));
    let r = lanes.mul_add(n, lanes.splat(-0.693_359_4), x);
    let r = lanes.mul_add(n, lanes.splat(2.121_944_4e-4), r);
    let mut p = lanes.splat(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        p = lanes.mul_add(p, r, lanes.splat(*coefficient));
    }
    let p = lanes.add(lanes.mul_add(lanes.mul(p, r), r, r), lanes.splat(1.0));
    lanes.mul(p, lanes.power_of_two(n))
}

/// x·Φ(x), Φ the normal distribution; absolute error below 4e-5.
///
/// Φ is ½ + x·P(x²) with a minimax P for |x| ≤ 4.25, beyond which it is held.
#[inline(always)]
pub(crate) fn gelu<L: Lanes>(lanes: L, x: L::F) -> L::F {
    const END: f32 = 4.25;
    const COEFFICIENTS: [f32; 9] = [
        4.547_078e-11,
        -4.515_307_7e-9,
        1.986_160_2e-7,
        -5.147_516e-6,
        8.848_917e-5,
        -1.079_078_1e-3,
        9.718_779e-3,
        -6.619_028e-2,
        3.988_192e-1,
    ];
    let held = lanes.min(lanes.max(x, lanes.splat(-END)), lanes.splat(END));
    let square = lanes.mul(held, held);
    let mut p = lanes.splat(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        p = lanes.mul_add(p, square, lanes.splat(*coefficient));
    }
    lanes.mul(x, lanes.mul_add(held, p, lanes.splat(0.5)))
}

/// Turns rows of numbers into their GELU and stores them as the rows `first…` of `out`.
pub(crate) struct Gelu<'a> {
    pub(crate) numbers: &'a mut [f32],
    pub(crate) width: usize,
    pub(crate) out: &'a mut Quantised,
    pub(crate) first: usize,
}

impl Kernel for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (r, row) in self.numbers.chunks_exact_mut(self.width).enumerate() {
            for chunk in row.as_chunks_mut::<LANES>().0 {
                lanes.store(gelu(lanes, lanes.load(chunk)), chunk);
            }
            self.out.set(lanes, self.first + r, row);
        }
    }
}

/// Stores rows of numbers as the rows `first…` of `out`.
pub(crate) struct Quantise<'a> {
    pub(crate) numbers: &'a [f32],
    pub(crate) width: usize,
    pub(crate) out: &'a mut Quantised,
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (r, row) in self.numbers.chunks_exact(self.width).enumerate() {
            self.out.set(lanes, r, row);
        }
    }
}

/// Adds `delta` to rows of numbers, normalises them, and stores them as the rows `first…` of `out` too.
pub(crate) struct AddAndNorm<'a> {
    pub(crate) numbers: &'a mut [f32],
    pub(crate) delta: &'a [f32],
    pub(crate) norm: &'a Norm,
    pub(crate) epsilon: f32,
    pub(crate) out: &'a mut Quantised,
    pub(crate) first: usize,
}

impl Kernel for AddAndNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let width = self.norm.gain.len();
        let rows = self.numbers.chunks_exact_mut(width).zip(self.delta.chunks_exact(width));
        for (r, (row, delta)) in rows.enumerate() {
            for (chunk, delta) in row.as_chunks_mut().0.iter_mut().zip(delta.as_chunks().0) {
                lanes.store(lanes.add(lanes.load(chunk), lanes.load(delta)), chunk);
            }
            normalise(lanes, row, self.norm, self.epsilon);
            self.out.set(lanes, self.first + r, row);
        }
    }
}

/// Brings a row to mean 0 and variance 1, then applies gain and offset.
#[inline(always)]
pub(crate) fn normalise<L: Lanes>(lanes: L, row: &mut [f32], norm: &Norm, epsilon: f32) {
    let count = row.len() as f32;
    let chunks = row.as_chunks_mut::<LANES>().0;
    let mut sum = lanes.splat(0.0);
    for chunk in chunks.iter() {
        sum = lanes.add(sum, lanes.load(chunk));
    }
    let mean = lanes.splat(lanes.sum(sum) / count);
    let mut squares = lanes.splat(0.0);
    for chunk in chunks.iter() {
        let difference = lanes.sub(lanes.load(chunk), mean);
        squares = lanes.mul_add(difference, difference, squares);
    }
    let factor = lanes.splat(1.0 / (lanes.sum(squares) / count + epsilon).sqrt());
    let gains = norm.gain.as_chunks::<LANES>().0;
    let offsets = norm.offset.as_chunks::<LANES>().0;
    for ((chunk, gain), offset) in chunks.iter_mut().zip(gains).zip(offsets) {
        let value = lanes.mul(lanes.sub(lanes.load(chunk), mean), factor);
        lanes.store(lanes.mul_add(value, lanes.load(gain), lanes.load(offset)), chunk);
    }
}
