//! What a fuzzer calls.

use super::configured_memory::Code;

/// Splits a snapshot: the first four bytes are the length of the component, which is followed by its
/// snapshot. What comes out is a valid program if the snapshot was one.
pub(crate) fn component(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let length = u32::from_le_bytes(*length) as usize;
    let Some((component, snapshot)) = rest.split_at_checked(length) else {
        return;
    };
    let code = Code::split(component, snapshot.to_vec());
    if wasmparser::validate(snapshot).is_ok() {
        wasmparser::validate(&code.program.bytes).expect("a valid snapshot makes a valid program");
    }
}
