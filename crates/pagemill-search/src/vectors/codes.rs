//! Codes of one bit a dimension, and counting how many bits differ.
//!
//! Eight codes stand in a block, word after word: the first 64 bits of all eight, then
//! the next 64 bits of all eight, and so on. One 512-bit register then counts a word of
//! eight codes at once, and the plain loop below becomes exactly that where the machine
//! has `vpopcntq`.

/// Codes in a block.
pub(super) const BLOCK: usize = 8;

/// The code of a rotated vector: a bit for each dimension that is not negative.
pub(super) fn encode(rotated: &[f32]) -> Vec<u64> {
    rotated
        .chunks(64)
        .map(|chunk| chunk.iter().enumerate().fold(0, |word, (bit, value)| word | u64::from(*value >= 0.0) << bit))
        .collect()
}

/// Puts a code at its place in its block of words.
pub(super) fn place(block: &mut [u64], lane: usize, code: &[u64]) {
    for (index, word) in code.iter().enumerate() {
        block[index * BLOCK + lane] = *word;
    }
}

/// How many bits of each code differ from the query's. `codes` is whole blocks of
/// `query.len() * 8` words in little-endian bytes; `out` gets one number for each code.
pub(super) fn differences(codes: &[u8], query: &[u64], out: &mut Vec<u16>) {
    out.clear();
    out.reserve(codes.len() / (query.len() * 8).max(1));
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
            // SAFETY: the processor has what the function is compiled for, as just asked.
            #[allow(unsafe_code)]
            return unsafe { differences_avx512(codes, query, out) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            // SAFETY: the processor has what the function is compiled for, as just asked.
            #[allow(unsafe_code)]
            return unsafe { differences_avx2(codes, query, out) };
        }
    }
    differences_portable(codes, query, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
fn differences_avx512(codes: &[u8], query: &[u64], out: &mut Vec<u16>) {
    differences_portable(codes, query, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn differences_avx2(codes: &[u8], query: &[u64], out: &mut Vec<u16>) {
    differences_portable(codes, query, out);
}

#[inline(always)]
fn differences_portable(codes: &[u8], query: &[u64], out: &mut Vec<u16>) {
    // The usual size gets a loop whose length the compiler knows.
    if let Ok(query) = <&[u64; 6]>::try_from(query) {
        blocks(codes, query, out);
    } else {
        blocks(codes, query, out);
    }
}

#[inline(always)]
fn blocks(codes: &[u8], query: &(impl AsRef<[u64]> + ?Sized), out: &mut Vec<u16>) {
    let query = query.as_ref();
    for block in codes.chunks_exact(query.len() * BLOCK * 8) {
        let mut counts = [0_u64; BLOCK];
        for (word, lanes) in query.iter().zip(block.chunks_exact(BLOCK * 8)) {
            for lane in 0..BLOCK {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&lanes[lane * 8..lane * 8 + 8]);
                counts[lane] += u64::from((u64::from_le_bytes(bytes) ^ word).count_ones());
            }
        }
        out.extend_from_slice(&counts.map(|count| count as u16));
    }
}

/// How many bits of the code at one row differ from the query's.
pub(super) fn difference(codes: &[u8], query: &[u64], row: usize) -> u16 {
    let block = row / BLOCK * query.len() * BLOCK * 8;
    let lane = row % BLOCK * 8;
    let mut count = 0;
    for (index, word) in query.iter().enumerate() {
        let at = block + index * BLOCK * 8 + lane;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&codes[at..at + 8]);
        count += (u64::from_le_bytes(bytes) ^ word).count_ones();
    }
    count as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_path_counts_the_same(
            words in prop_oneof![Just(6_usize), 1_usize..10],
            seed in any::<u64>(),
            blocks in 0_usize..5,
        ) {
            let mut state = seed;
            let mut random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state ^ (state >> 29)
            };
            let query: Vec<u64> = (0..words).map(|_| random()).collect();
            let rows: Vec<Vec<u64>> = (0..blocks * BLOCK).map(|_| (0..words).map(|_| random()).collect()).collect();
            let mut stored = vec![0_u64; blocks * BLOCK * words];
            for (row, code) in rows.iter().enumerate() {
                let block = row / BLOCK * BLOCK * words;
                place(&mut stored[block..block + BLOCK * words], row % BLOCK, code);
            }
            let bytes: Vec<u8> = stored.iter().flat_map(|word| word.to_le_bytes()).collect();
            let expected: Vec<u16> = rows
                .iter()
                .map(|code| code.iter().zip(&query).map(|(a, b)| (a ^ b).count_ones() as u16).sum())
                .collect();
            let (mut fast, mut plain) = (Vec::new(), Vec::new());
            differences(&bytes, &query, &mut fast);
            differences_portable(&bytes, &query, &mut plain);
            prop_assert_eq!(&fast, &expected);
            prop_assert_eq!(&plain, &expected);
            for (row, count) in expected.iter().enumerate() {
                prop_assert_eq!(difference(&bytes, &query, row), *count);
            }
        }
    }

    #[test]
    fn the_code_is_the_signs() {
        let mut vector = vec![-1.0; 128];
        vector[0] = 0.5;
        vector[127] = 0.0;
        assert_eq!(encode(&vector), [1, 1 << 63]);
    }
}
