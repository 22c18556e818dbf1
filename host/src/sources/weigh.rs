//! The memory that results of metric queries take.

use std::fmt::Debug;

use rollgate_model::{Sample, Series};

/// A result that knows how many bytes it takes.
pub(crate) trait Weigh: Debug + Send + Sync + 'static {
    fn bytes(&self) -> usize;
}

impl Weigh for Sample {
    fn bytes(&self) -> usize {
        size_of::<Self>() + label_bytes(&self.labels)
    }
}

impl Weigh for Series {
    fn bytes(&self) -> usize {
        size_of::<Self>() + label_bytes(&self.labels) + size_of_val(self.points.as_slice())
    }
}

fn label_bytes(labels: &[(String, String)]) -> usize {
    let text: usize = labels
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    text + size_of_val(labels)
}
