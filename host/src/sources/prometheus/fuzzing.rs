//! What a fuzzer calls.

use super::answer::{Answer, Envelope};

/// Parses a response. It has no more series than the limit.
pub(crate) fn answer(body: &[u8]) {
    const MAX_SERIES: usize = 5;
    let result = Answer::parse(body).map(|envelope: Envelope| envelope.into_result(MAX_SERIES));
    match result {
        Some(Ok((Answer::Samples(samples), _))) => assert!(samples.len() <= MAX_SERIES),
        Some(Ok((Answer::Series(series), _))) => assert!(series.len() <= MAX_SERIES),
        Some(Err(error)) => assert!(!error.to_string().is_empty()),
        None => {}
    }
}
