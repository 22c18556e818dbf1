//! Why an override that was found does not let a rollout pass.

use std::fmt;

use jiff::Timestamp;

use super::template::TemplateHash;
use crate::config::PolicyName;

/// An override that was found for the workload and does not let it pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub name: String,
    /// Why it does not.
    pub why: Why,
}

/// Why an override does not let a rollout pass, in words that fit after "does not apply:".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Its time is over.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// A policy that it names does not exist: it may be meant for another one.
    #[error("it names {}, which is no policy here", Names(.0))]
    UnknownPolicy(Vec<PolicyName>),
    /// It is for other users.
    #[error("it is not for the user {0}")]
    OtherUser(String),
    /// It names another template.
    #[error("it is for the template {wanted}, this one is {found}")]
    OtherTemplate {
        /// The one that it names.
        wanted: TemplateHash,
        /// The rollout's.
        found: TemplateHash,
    },
    /// The template has an image that it does not name.
    #[error("it does not name the image {0}")]
    OtherImage(String),
    /// It names images, and the rollout's object has none itself.
    #[error("it is for certain images, and this object names none")]
    NoImages,
    /// It is for one template, and was used for another.
    #[error("it is for one template, and {user} used it for another at {at}; this one is {found}")]
    Used {
        /// By whom.
        user: String,
        /// When.
        at: Timestamp,
        /// The rollout's template.
        found: TemplateHash,
    },
    /// The object that it was used for is gone, and this is another one of the same name.
    #[error("it was used for an earlier object of this name")]
    OtherObject,
    /// It applies, but policies stand in the way that no override lets be passed.
    #[error("it was not used, because no override lets {} be passed", Names(.0))]
    NotEnough(Vec<PolicyName>),
    /// It is no longer there.
    #[error("it was deleted")]
    Gone,
    /// The review may be made up, so its use must not be written down.
    #[error(
        "its use must not be recorded, since rollgate cannot tell that the API server sent this review; whoever runs rollgate has to set --client-ca or --path-secret"
    )]
    UnknownCaller,
    /// The review is about another object than the API server has.
    #[error("its use was not recorded, since {0}")]
    NotLive(#[from] NotLive),
    /// Its use could not be written down, so it does not count.
    #[error("its use could not be recorded: {0}")]
    NotRecorded(String),
}

impl Why {
    /// A short word for metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Expired(_) => "expired",
            Self::UnknownPolicy(_) => "unknown-policy",
            Self::OtherUser(_) => "other-user",
            Self::OtherTemplate { .. } => "other-template",
            Self::OtherImage(_) | Self::NoImages => "other-image",
            Self::Used { .. } => "used",
            Self::OtherObject => "other-object",
            Self::NotEnough(_) => "not-enough",
            Self::Gone => "gone",
            Self::UnknownCaller => "unknown-caller",
            Self::NotLive(_) => "not-live",
            Self::NotRecorded(_) => "not-recorded",
        }
    }
}

/// How the object of a review differs from what the API server has, in words that fit after "since".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLive {
    /// The review creates what exists.
    #[error("the object that this review creates exists already")]
    Exists,
    /// The review changes what does not exist.
    #[error("the object that this review changes does not exist")]
    Missing,
    /// The review changes an object of another UID.
    #[error("the object that this review changes has another UID in the cluster")]
    OtherUid,
    /// The review changes another version of the object.
    #[error(
        "the object has changed in the cluster since this review was made (it has another resourceVersion); try again"
    )]
    OtherVersion,
}

/// Policies in a sentence.
struct Names<'a>(&'a [PolicyName]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
        }
        Ok(())
    }
}
