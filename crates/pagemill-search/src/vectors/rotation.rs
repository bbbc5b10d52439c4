//! A fixed random rotation, so that every bit of a code carries about as much.
//!
//! Signs, a Walsh–Hadamard transform of blocks and a permutation, three rounds: close to a
//! uniformly random rotation at `n log n` cost (N. Ailon and B. Chazelle, *The Fast
//! Johnson–Lindenstrauss Transform*, 2009).

/// Rounds after which even a vector with one non-zero coordinate is spread over all.
const ROUNDS: usize = 3;
/// Begins the fixed sequence of signs and places. Part of the format.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The rotation of vectors of one size.
pub(super) struct Rotation {
    padded: usize,
    block: usize,
    signs: Vec<Vec<f32>>,
    places: Vec<Vec<u32>>,
}

impl Rotation {
    /// The rotation of `dims` dimensions, filled up with zeros to a multiple of 64.
    pub(super) fn new(dims: usize) -> Self {
        let padded = dims.max(1).next_multiple_of(64);
        // The largest power of two that divides the size.
        let block = 1 << padded.trailing_zeros();
        let mut random = SplitMix(SEED ^ padded as u64);
        let signs = (0..ROUNDS)
            .map(|_| (0..padded).map(|_| if random.next() >> 63 == 0 { 1.0 } else { -1.0 }).collect())
            .collect();
        let places = (0..ROUNDS).map(|_| random.permutation(padded)).collect();
        Self { padded, block, signs, places }
    }

    /// Dimensions after filling up.
    pub(super) fn padded(&self) -> usize {
        self.padded
    }

    /// The rotated vector, of [`padded`](Self::padded) dimensions. Lengths change by a constant factor.
    pub(super) fn rotate(&self, vector: &[f32]) -> Vec<f32> {
        let mut now = vector.to_vec();
        now.resize(self.padded, 0.0);
        let mut next = vec![0.0; self.padded];
        for (signs, places) in self.signs.iter().zip(&self.places) {
            for (value, sign) in now.iter_mut().zip(signs) {
                *value *= sign;
            }
            for block in now.chunks_exact_mut(self.block) {
                hadamard(block);
            }
            for (value, place) in now.iter().zip(places) {
                next[*place as usize] = *value;
            }
            std::mem::swap(&mut now, &mut next);
        }
        now
    }
}

fn hadamard(block: &mut [f32]) {
    let mut half = 1;
    while half < block.len() {
        for pair in block.chunks_exact_mut(half * 2) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// SplitMix64 (G. Steele, D. Lea and C. Flood, 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn permutation(&mut self, size: usize) -> Vec<u32> {
        let mut places: Vec<u32> = (0..size as u32).collect();
        for last in (1..size).rev() {
            places.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_kept() {
        let rotation = Rotation::new(100);
        assert_eq!(rotation.padded(), 128);
        let a: Vec<f32> = (0..100).map(|i| (i as f32 * 0.7).sin()).collect();
        let b: Vec<f32> = (0..100).map(|i| (i as f32 * 0.3).cos()).collect();
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let (ra, rb) = (rotation.rotate(&a), rotation.rotate(&b));
        let cosine = |a: &[f32], b: &[f32]| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
        assert!((cosine(&a, &b) - cosine(&ra, &rb)).abs() < 1e-4);
    }

    #[test]
    fn one_coordinate_is_spread_over_all() {
        let mut unit = vec![0.0; 384];
        unit[17] = 1.0;
        assert!(Rotation::new(384).rotate(&unit).iter().filter(|value| **value != 0.0).count() > 300);
    }
}
