//! Plain Rust: right everywhere, and fast where the compiler makes vectors of
//! it by itself (64-bit ARM).

use super::{Kernel, LANES, Lanes, Sums};

/// No instructions needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portable;

#[inline(always)]
fn zip(a: [f32; LANES], b: [f32; LANES], combine: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|lane| combine(a[lane], b[lane]))
}

impl Lanes for Portable {
    type F = [f32; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F {
        *from
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32; LANES]) -> Self::F {
        from.map(|value| value as f32)
    }

    #[inline(always)]
    fn load_i8(self, from: &[u8; LANES]) -> Self::F {
        from.map(|value| f32::from(value.cast_signed()))
    }

    #[inline(always)]
    fn store(self, value: Self::F, to: &mut [f32; LANES]) {
        *to = value;
    }

    #[inline(always)]
    fn store_u8(self, value: Self::F, to: &mut [u8; LANES]) {
        *to = value.map(|value| value as u8);
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }

    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn power_of_two(self, n: Self::F) -> Self::F {
        n.map(|n| f32::from_bits(((n as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    fn lowered<const N: usize>(self, value: Self::F) -> Self::F {
        std::array::from_fn(|lane| value[(lane + N) % LANES])
    }

    #[inline(always)]
    fn first(self, value: Self::F) -> f32 {
        value[0]
    }

    #[inline(always)]
    fn dot_panel<const R: usize>(self, rows: [&[u8]; R], panel: &[u8], sums: &mut [Sums; R]) {
        for (row, sums) in rows.into_iter().zip(sums) {
            let groups = row.as_chunks::<4>().0.iter().zip(panel.chunks_exact(4 * sums.len()));
            for (inputs, columns) in groups {
                for (sum, weights) in sums.iter_mut().zip(columns.as_chunks::<4>().0) {
                    for (&input, weight) in inputs.iter().zip(weights) {
                        *sum += i32::from(input) * i32::from(weight.cast_signed());
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}
