//! Sixteen numbers at a time, on whatever the processor offers.
//!
//! The encoder is written once over [`Lanes`]. Every implementation gives the
//! same bits: additions are fused the same way, sums are folded in the same
//! order, and products of whole numbers never saturate. So a text has one
//! vector, on any machine.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::format::PANEL;

/// How many numbers a vector holds.
pub(crate) const LANES: usize = 16;

/// Sums of products of one row with the columns of a panel.
pub(crate) type Sums = [i32; PANEL];

/// The operations the encoder is made of. A value of an implementing type is
/// the proof that the processor has them.
pub(crate) trait Lanes: Copy {
    /// Sixteen `f32`.
    type F: Copy;

    /// All lanes the same.
    fn splat(self, value: f32) -> Self::F;
    /// From memory.
    fn load(self, from: &[f32; LANES]) -> Self::F;
    /// From whole numbers of 32 bits, rounded to nearest.
    fn load_i32(self, from: &[i32; LANES]) -> Self::F;
    /// From whole numbers of 8 bits, given as their bytes.
    fn load_i8(self, from: &[u8; LANES]) -> Self::F;
    /// To memory.
    fn store(self, value: Self::F, to: &mut [f32; LANES]);
    /// To bytes; the values are whole and from 0 to 255.
    fn store_u8(self, value: Self::F, to: &mut [u8; LANES]);
    /// `a + b`
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `a` where it is greater, else `b`.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a` where it is less, else `b`.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// 2 to the power of `n`, whole and from -126 to 127.
    fn power_of_two(self, n: Self::F) -> Self::F;

    /// Moves lane `N + i` to lane `i` for `i < N`; what the others hold does not matter. `N` is 1, 2, 4 or 8.
    fn lowered<const N: usize>(self, value: Self::F) -> Self::F;
    /// The first lane.
    fn first(self, value: Self::F) -> f32;

    /// Adds to `sums[r]` the products of the bytes of `rows[r]` (0 to 255) with
    /// the columns of a packed panel (bytes of `i8`; see `gemm`).
    fn dot_panel<const R: usize>(self, rows: [&[u8]; R], panel: &[u8], sums: &mut [Sums; R]);

    /// Runs `kernel` compiled for this implementation's instructions.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;

    /// Whole numbers nearest to the lanes, ties to even; for magnitudes below 2²².
    #[inline(always)]
    fn round(self, value: Self::F) -> Self::F {
        let shift = self.splat(12_582_912.0);
        self.sub(self.add(value, shift), shift)
    }

    /// The sum of the lanes: halves are added until one is left.
    #[inline(always)]
    fn sum(self, value: Self::F) -> f32 {
        self.fold(value, |a, b| self.add(a, b))
    }

    /// The greatest lane.
    #[inline(always)]
    fn greatest(self, value: Self::F) -> f32 {
        self.fold(value, |a, b| self.max(a, b))
    }

    /// The least lane.
    #[inline(always)]
    fn least(self, value: Self::F) -> f32 {
        self.fold(value, |a, b| self.min(a, b))
    }

    /// Combines the upper half with the lower until one lane is left.
    #[inline(always)]
    fn fold(self, value: Self::F, combine: impl Fn(Self::F, Self::F) -> Self::F) -> f32 {
        let value = combine(value, self.lowered::<8>(value));
        let value = combine(value, self.lowered::<4>(value));
        let value = combine(value, self.lowered::<2>(value));
        let value = combine(value, self.lowered::<1>(value));
        self.first(value)
    }
}

/// Code that can be compiled for each implementation of [`Lanes`].
pub(crate) trait Kernel {
    /// What it gives back.
    type Output;
    /// Runs it. Implementations are `#[inline(always)]`, so that they take on the
    /// instruction set of where they are called from.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// The instruction sets there are code for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instructions {
    /// Any processor.
    Portable(portable::Portable),
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    /// AVX-512 with VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
}

impl Instructions {
    /// Everything this processor can run, slowest first.
    pub(crate) fn available() -> Vec<Self> {
        let mut found = vec![Self::Portable(portable::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(avx2::Avx2::detect().map(Self::Avx2));
            found.extend(avx512::Avx512::detect().map(Self::Avx512));
        }
        found
    }

    /// The best this processor can run.
    pub(crate) fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Portable(portable::Portable))
    }

    /// Runs `kernel` with these instructions.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Portable(lanes) => lanes.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(lanes) => lanes.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(lanes) => lanes.run(kernel),
        }
    }
}
