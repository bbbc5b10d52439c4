//! AVX-512 with VNNI: one register is one vector, and one instruction does 64
//! products of bytes.

use std::arch::x86_64::*;

use super::{Kernel, LANES, Lanes, Sums};
use crate::format::PANEL;

/// The proof that the processor has what [`run`] is compiled for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The proof, on a processor that has it.
    pub(crate) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,fma")]
fn run<K: Kernel>(lanes: Avx512, kernel: K) -> K::Output {
    kernel.run(lanes)
}

// SAFETY (all blocks below): `self` exists only where the instructions do, and
// loads and stores go through references to arrays of the full length.
#[allow(unsafe_code)]
impl Lanes for Avx512 {
    type F = __m512;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F {
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32; LANES]) -> Self::F {
        unsafe { _mm512_cvtepi32_ps(_mm512_loadu_si512(from.as_ptr().cast())) }
    }

    #[inline(always)]
    fn load_i8(self, from: &[u8; LANES]) -> Self::F {
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(from.as_ptr().cast()))) }
    }

    #[inline(always)]
    fn store(self, value: Self::F, to: &mut [f32; LANES]) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), value) }
    }

    #[inline(always)]
    fn store_u8(self, value: Self::F, to: &mut [u8; LANES]) {
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(value))) }
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn power_of_two(self, n: Self::F) -> Self::F {
        unsafe {
            let exponent = _mm512_add_epi32(_mm512_cvttps_epi32(n), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
        }
    }

    #[inline(always)]
    fn lowered<const N: usize>(self, value: Self::F) -> Self::F {
        unsafe {
            match N {
                8 => _mm512_shuffle_f32x4::<0b01_00_11_10>(value, value),
                4 => _mm512_shuffle_f32x4::<0b10_11_00_01>(value, value),
                2 => _mm512_permute_ps::<0b01_00_11_10>(value),
                _ => _mm512_permute_ps::<0b10_11_00_01>(value),
            }
        }
    }

    #[inline(always)]
    fn first(self, value: Self::F) -> f32 {
        unsafe { _mm512_cvtss_f32(value) }
    }

    #[inline(always)]
    fn dot_panel<const R: usize>(self, rows: [&[u8]; R], panel: &[u8], sums: &mut [Sums; R]) {
        let groups = panel.len() / (4 * PANEL);
        assert!(rows.iter().all(|row| row.len() >= 4 * groups));
        // SAFETY: as above; a row has at least four bytes for each group, as just
        // asserted, and a group of the panel is four registers.
        unsafe {
            let mut accumulators = [[_mm512_setzero_si512(); 4]; R];
            for (accumulator, sums) in accumulators.iter_mut().zip(sums.iter()) {
                for (column, register) in accumulator.iter_mut().enumerate() {
                    *register = _mm512_loadu_si512(sums.as_ptr().add(LANES * column).cast());
                }
            }
            let starts = rows.map(<[u8]>::as_ptr);
            let mut weights = panel.as_ptr();
            for group in 0..groups {
                let columns = [
                    _mm512_loadu_si512(weights.cast()),
                    _mm512_loadu_si512(weights.add(64).cast()),
                    _mm512_loadu_si512(weights.add(128).cast()),
                    _mm512_loadu_si512(weights.add(192).cast()),
                ];
                weights = weights.add(4 * PANEL);
                for (accumulator, start) in accumulators.iter_mut().zip(starts) {
                    let inputs = _mm512_set1_epi32(start.add(4 * group).cast::<i32>().read_unaligned());
                    for (register, column) in accumulator.iter_mut().zip(columns) {
                        *register = _mm512_dpbusd_epi32(*register, inputs, column);
                    }
                }
            }
            for (accumulator, sums) in accumulators.iter().zip(sums) {
                for (column, register) in accumulator.iter().enumerate() {
                    _mm512_storeu_si512(sums.as_mut_ptr().add(LANES * column).cast(), *register);
                }
            }
        }
    }

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        unsafe { run(self, kernel) }
    }
}
