//! Vectors as 16-bit floats, and their product with a query.

use half::{f16, slice::HalfFloatSliceExt};

/// A vector in the bytes of its 16-bit floats, little-endian.
pub(super) fn encode(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

/// Scalar products of one query with stored vectors; keeps its scratch space.
pub(super) struct Products<'a> {
    query: &'a [f32],
    halves: Vec<f16>,
    floats: Vec<f32>,
}

impl<'a> Products<'a> {
    pub(super) fn new(query: &'a [f32]) -> Self {
        Self { query, halves: vec![f16::ZERO; query.len()], floats: vec![0.0; query.len()] }
    }

    /// The product with a stored vector of the same dimensions. Damage never gives NaN.
    pub(super) fn with(&mut self, stored: &[u8]) -> f32 {
        for (half, bytes) in self.halves.iter_mut().zip(stored.chunks_exact(2)) {
            *half = f16::from_le_bytes([bytes[0], bytes[1]]);
        }
        self.halves.convert_to_f32_slice(&mut self.floats);
        let product = dot(self.query, &self.floats);
        if product.is_finite() { product } else { f32::MIN }
    }
}

/// The scalar product of two vectors, on the widest registers there are.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function is compiled for, as just asked.
            #[allow(unsafe_code)]
            return unsafe { dot_avx512(a, b) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor has what the function is compiled for, as just asked.
            #[allow(unsafe_code)]
            return unsafe { dot_avx2(a, b) };
        }
    }
    dot_portable(a, b)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dot_avx512(a: &[f32], b: &[f32]) -> f32 {
    dot_portable(a, b)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dot_avx2(a: &[f32], b: &[f32]) -> f32 {
    dot_portable(a, b)
}

/// Sixteen sums side by side, which the compiler keeps in registers.
#[inline(always)]
fn dot_portable(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_parts, b_parts) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_parts.zip(b_parts) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_near_the_exact_ones() {
        for dims in [1, 15, 16, 17, 100, 384] {
            let a: Vec<f32> = (0..dims).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..dims).map(|i| (i as f32 * 0.11).cos()).collect();
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let got = Products::new(&a).with(&encode(&b));
            assert!((f64::from(got) - exact).abs() < 0.002 * (dims as f64).sqrt(), "{dims}: {got} {exact}");
        }
    }

    #[test]
    fn damage_is_the_worst_score() {
        let stored = encode(&[f32::NAN; 16]);
        assert_eq!(Products::new(&[1.0; 16]).with(&stored), f32::MIN);
    }
}
