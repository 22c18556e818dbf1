//! The flag for mutable image tags.

use rollgate_model::{MutableTags, TagPattern};

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct TagArgs {
    /// Tags besides `latest` that may name another image tomorrow, such as `main,*-snapshot`: a
    /// restart that pulls one of them again counts as a roll-forward
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    mutable_tags: Vec<TagPattern>,
}

impl TagArgs {
    pub(super) fn set(&self) -> MutableTags {
        self.mutable_tags.iter().cloned().collect()
    }
}
