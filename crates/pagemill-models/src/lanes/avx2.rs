//! AVX2 with FMA: a vector is two registers.

use std::arch::x86_64::*;

use super::{Kernel, LANES, Lanes, Sums};
use crate::format::PANEL;

/// The proof that the processor has what [`run`] is compiled for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof, on a processor that has it.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

#[target_feature(enable = "avx2,fma")]
fn run<K: Kernel>(lanes: Avx2, kernel: K) -> K::Output {
    kernel.run(lanes)
}

/// Columns whose sums are in registers at a time.
const COLUMNS: usize = 16;

// SAFETY (all blocks below): `self` exists only where the instructions do, and
// loads and stores go through references to arrays of the full length.
#[allow(unsafe_code)]
impl Lanes for Avx2 {
    type F = [__m256; 2];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F {
        unsafe { [_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))] }
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32; LANES]) -> Self::F {
        unsafe {
            [
                _mm256_cvtepi32_ps(_mm256_loadu_si256(from.as_ptr().cast())),
                _mm256_cvtepi32_ps(_mm256_loadu_si256(from.as_ptr().add(8).cast())),
            ]
        }
    }

    #[inline(always)]
    fn load_i8(self, from: &[u8; LANES]) -> Self::F {
        unsafe {
            let bytes = _mm_loadu_si128(from.as_ptr().cast());
            [
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
                _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128::<8>(bytes))),
            ]
        }
    }

    #[inline(always)]
    fn store(self, value: Self::F, to: &mut [f32; LANES]) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), value[0]);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), value[1]);
        }
    }

    #[inline(always)]
    fn store_u8(self, value: Self::F, to: &mut [u8; LANES]) {
        unsafe {
            let [low, high] = value.map(|half| _mm256_cvttps_epi32(half));
            let shorts = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(low, high));
            let bytes = _mm_packus_epi16(_mm256_castsi256_si128(shorts), _mm256_extracti128_si256::<1>(shorts));
            _mm_storeu_si128(to.as_mut_ptr().cast(), bytes);
        }
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn power_of_two(self, n: Self::F) -> Self::F {
        unsafe {
            n.map(|half| {
                let exponent = _mm256_add_epi32(_mm256_cvttps_epi32(half), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(exponent))
            })
        }
    }

    #[inline(always)]
    fn lowered<const N: usize>(self, value: Self::F) -> Self::F {
        unsafe {
            match N {
                8 => [value[1], value[0]],
                4 => value.map(|half| _mm256_permute2f128_ps::<1>(half, half)),
                2 => value.map(|half| _mm256_permute_ps::<0b01_00_11_10>(half)),
                _ => value.map(|half| _mm256_permute_ps::<0b10_11_00_01>(half)),
            }
        }
    }

    #[inline(always)]
    fn first(self, value: Self::F) -> f32 {
        unsafe { _mm256_cvtss_f32(value[0]) }
    }

    #[inline(always)]
    fn dot_panel<const R: usize>(self, rows: [&[u8]; R], panel: &[u8], sums: &mut [Sums; R]) {
        for (rows, sums) in rows.chunks(2).zip(sums.chunks_mut(2)) {
            match (rows, sums) {
                ([a, b], [c, d]) => dot_rows(self, [a, b], panel, [c, d]),
                ([a], [c]) => dot_rows(self, [a], panel, [c]),
                _ => {}
            }
        }
    }

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        unsafe { run(self, kernel) }
    }
}

/// Bytes are widened to 16 bits before they are multiplied: `maddubs` would
/// saturate. A register then holds, for four columns, the sums of the first and
/// of the last two of each four inputs, which are added at the end.
#[inline(always)]
#[allow(unsafe_code)]
fn dot_rows<const R: usize>(_proof: Avx2, rows: [&[u8]; R], panel: &[u8], mut sums: [&mut Sums; R]) {
    let groups = panel.len() / (4 * PANEL);
    assert!(rows.iter().all(|row| row.len() >= 4 * groups));
    for part in 0..PANEL / COLUMNS {
        // SAFETY: the proof says that the instructions are there; a row has at least four bytes
        // for each group, as just asserted, and `part` is one of the four parts of a group of the panel.
        unsafe {
            let mut accumulators = [[_mm256_setzero_si256(); COLUMNS / 4]; R];
            let mut weights = panel.as_ptr().add(4 * COLUMNS * part);
            for group in 0..groups {
                let inputs = rows.map(|row| {
                    let four = row.as_ptr().add(4 * group).cast::<i32>().read_unaligned();
                    _mm256_cvtepu8_epi16(_mm_set1_epi32(four))
                });
                for index in 0..COLUMNS / 4 {
                    let columns = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.add(16 * index).cast()));
                    for (accumulators, inputs) in accumulators.iter_mut().zip(inputs) {
                        let products = _mm256_madd_epi16(inputs, columns);
                        accumulators[index] = _mm256_add_epi32(accumulators[index], products);
                    }
                }
                weights = weights.add(4 * PANEL);
            }
            for (sums, accumulators) in sums.iter_mut().zip(accumulators) {
                let sums = sums[part * COLUMNS..][..COLUMNS].as_chunks_mut::<4>().0;
                for (sums, accumulator) in sums.iter_mut().zip(accumulators) {
                    let mut halves = [0_i32; 8];
                    _mm256_storeu_si256(halves.as_mut_ptr().cast(), accumulator);
                    for (sum, halves) in sums.iter_mut().zip(halves.as_chunks::<2>().0) {
                        *sum += halves[0] + halves[1];
                    }
                }
            }
        }
    }
}
