//! Content for objects: bytes without repetition, so that anything moved, omitted or repeated is detected.

/// That many bytes. Shorter contents are the beginning of longer ones.
pub(crate) fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut state = 1_u64;
    while bytes.len() < length {
        // Knuth's constants of a linear congruential generator, whose upper bits are the better ones.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 33)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
