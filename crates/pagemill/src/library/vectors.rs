//! Vectors as they are stored: 16-bit floats, little-endian.

use half::f16;

/// A vector as the database keeps it.
pub fn to_stored(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

/// A stored vector as the index takes it.
pub fn from_stored(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_survive_storage() {
        let vector = [0.0, 1.0, -0.5, 0.062_5];
        assert_eq!(from_stored(&to_stored(&vector)), vector);
    }
}
