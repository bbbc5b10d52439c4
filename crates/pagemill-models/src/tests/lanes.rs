//! Every instruction set gives the bits that plain Rust gives.

use proptest::prelude::*;

use super::sample::{Random, embedders};
use crate::{
    encoder::{Scratch, encode},
    format::PANEL,
    functions::{exp, gelu},
    lanes::{Instructions, Kernel, LANES, Lanes, Sums},
};

/// Runs a kernel with every instruction set; all results must be equal.
fn same<K: Kernel<Output: PartialEq + std::fmt::Debug>>(kernel: impl Fn() -> K) -> K::Output {
    let all = Instructions::available();
    let first = all[0].run(kernel());
    for instructions in &all[1..] {
        assert!(instructions.run(kernel()) == first, "{instructions:?} differs from plain Rust");
    }
    first
}

struct Dot<'a, const R: usize> {
    rows: [&'a [u8]; R],
    panel: &'a [u8],
    sums: [Sums; R],
}

impl<const R: usize> Kernel for Dot<'_, R> {
    type Output = [Sums; R];

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) -> Self::Output {
        lanes.dot_panel(self.rows, self.panel, &mut self.sums);
        self.sums
    }
}

fn dot_agrees<const R: usize>(inputs: &[u8], weights: &[u8], start: i32) {
    let width = weights.len() / PANEL;
    let rows = std::array::from_fn(|r| &inputs[r * width..(r + 1) * width]);
    let sums = same(|| Dot { rows, panel: weights, sums: [[start; PANEL]; R] });
    for (row, sums) in rows.iter().zip(sums) {
        for (column, sum) in sums.into_iter().enumerate() {
            let products = row.iter().enumerate().map(|(k, &input)| {
                let weight = weights[(k / 4) * 4 * PANEL + column * 4 + k % 4].cast_signed();
                i32::from(input) * i32::from(weight)
            });
            assert_eq!(sum, start + products.sum::<i32>());
        }
    }
}

proptest! {
    #[test]
    fn products_of_bytes_are_exact(groups in 0_usize..40, seed in any::<u64>(), start in -1000_i32..1000) {
        let mut random = Random(seed);
        let mut bytes = |count: usize| (0..count).map(|_| (random.next() * 128.0) as i32 as u8).collect::<Vec<u8>>();
        let (inputs, weights) = (bytes(6 * 4 * groups), bytes(PANEL * 4 * groups));
        dot_agrees::<1>(&inputs, &weights, start);
        dot_agrees::<2>(&inputs, &weights, start);
        dot_agrees::<3>(&inputs, &weights, start);
        dot_agrees::<5>(&inputs, &weights, start);
        dot_agrees::<6>(&inputs, &weights, start);
    }
}

#[test]
fn the_largest_bytes_do_not_saturate() {
    let inputs = [255; 6 * 64];
    dot_agrees::<6>(&inputs, &[127; PANEL * 64], 0);
    dot_agrees::<6>(&inputs, &[0x80; PANEL * 64], 0);
}

/// Applies each function to sixteen numbers.
struct Functions([f32; LANES]);

impl Kernel for Functions {
    type Output = (Vec<[f32; LANES]>, [u32; 3], [u8; LANES]);

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Self::Output {
        let x = lanes.load(&self.0);
        let mut results = Vec::new();
        for value in [
            exp(lanes, lanes.min(x, lanes.splat(80.0))),
            gelu(lanes, x),
            lanes.round(x),
            lanes.max(x, lanes.splat(1.0)),
        ] {
            let mut out = [0.0; LANES];
            lanes.store(value, &mut out);
            results.push(out);
        }
        let folds = [lanes.sum(x), lanes.greatest(x), lanes.least(x)].map(f32::to_bits);
        let mut bytes = [0; LANES];
        let clamped = lanes.min(lanes.max(lanes.round(x), lanes.splat(0.0)), lanes.splat(255.0));
        lanes.store_u8(clamped, &mut bytes);
        (results, folds, bytes)
    }
}

proptest! {
    #[test]
    fn functions_agree_and_are_accurate(x in prop::array::uniform16(-300_f32..300.0)) {
        let (results, _, bytes) = same(|| Functions(x));
        for lane in 0..LANES {
            let exact = f64::from(x[lane].clamp(-87.0, 80.0)).exp();
            prop_assert!((f64::from(results[0][lane]) / exact - 1.0).abs() < 3e-7);
            prop_assert_eq!(results[2][lane], x[lane].round_ties_even());
            prop_assert_eq!(bytes[lane], x[lane].round_ties_even() as u8);
        }
    }

    #[test]
    fn gelu_is_accurate(x in prop::array::uniform16(-8_f32..8.0)) {
        let (results, ..) = same(|| Functions(x));
        for (x, result) in x.into_iter().zip(results[1]) {
            prop_assert!((f64::from(result) - exact_gelu(f64::from(x))).abs() < 5e-5, "{x}: {result}");
        }
    }
}

/// x·Φ(x), the integral of the density by Simpson's rule.
fn exact_gelu(x: f64) -> f64 {
    let steps = 2000;
    let width = x / f64::from(steps);
    let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let inner: f64 =
        (1..steps).map(|step| density(width * f64::from(step)) * if step % 2 == 1 { 4.0 } else { 2.0 }).sum();
    x * (0.5 + (density(0.0) + inner + density(x)) * width / 3.0)
}

#[test]
fn vectors_have_the_same_bits_with_every_instruction_set() {
    for embedder in embedders() {
        let vocabulary = embedder.model.shape.vocabulary as u32;
        let mut random = Random(3);
        // Lengths around the sizes at which the code takes another path.
        for lengths in [vec![1], vec![2, 7], vec![16, 17, 31], vec![33, 24, 8]] {
            let inputs: Vec<Vec<u32>> = lengths
                .iter()
                .map(|&length| (0..length).map(|_| (random.next().abs() * 1e6) as u32 % vocabulary).collect())
                .collect();
            let inputs: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
            let mut scratch = Scratch::new(&embedder.model);
            let mut all =
                Instructions::available().into_iter().map(|i| encode(&embedder.model, i, &inputs, &mut scratch));
            let first = all.next().unwrap();
            assert!(all.all(|vectors| vectors == first));
        }
    }
}
