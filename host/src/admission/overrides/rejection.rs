//! Why an override for a workload does not apply to a rollout.

use std::fmt;

use jiff::Timestamp;

use super::template_hash::TemplateHash;
use crate::config::PolicyName;

/// An override for the workload that does not apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedOverride {
    /// The name of the override.
    pub name: String,
    /// Why it does not apply.
    pub reason: RejectionReason,
}

/// Why an override does not apply. The text follows "does not apply:".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectionReason {
    /// It has expired.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// It names a policy that does not exist, perhaps by a typo.
    #[error("it names {}, and there is no such policy", Names(.0))]
    UnknownPolicy(Vec<PolicyName>),
    /// It is for other users.
    #[error("it is not for the user {0}")]
    OtherUser(String),
    /// It names another template.
    #[error("it is for the template {wanted}, and this one is {found}")]
    OtherTemplate {
        /// The template that it names.
        wanted: TemplateHash,
        /// The rollout's template.
        found: TemplateHash,
    },
    /// The template has another image.
    #[error("it does not allow the image {0}")]
    OtherImage(String),
    /// It names images, and the rollout's object has none.
    #[error("it allows certain images only, and this object has none")]
    NoImages,
    /// It is for one template, and was used for another one.
    #[error("it is for one template, and {user} used it for another at {at}; this one is {found}")]
    Used {
        /// Who used it.
        user: String,
        /// When.
        at: Timestamp,
        /// The rollout's template.
        found: TemplateHash,
    },
    /// It was used for an object that was deleted; this one has the same name.
    #[error("it was used for an earlier object with this name")]
    OtherObject,
    /// It applies, but other policies block the rollout too.
    #[error("it was not used, because no override lets the rollout pass {}", Names(.0))]
    NotEnough(Vec<PolicyName>),
    /// It was deleted.
    #[error("it was deleted")]
    Gone,
    /// The review may be forged, so no use is recorded.
    #[error(
        "rollgate records no use of it, because it cannot verify that the API server sent this review; the operator of rollgate has to set --client-ca or --path-secret"
    )]
    UnknownCaller,
    /// The object in the review is not the one in the cluster.
    #[error("its use was not recorded: {0}")]
    NotLive(#[from] NotLive),
    /// Its use could not be recorded, so it does not count.
    #[error("its use could not be recorded: {0}")]
    NotRecorded(String),
}

impl RejectionReason {
    /// Returns the value of the label in metrics.
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

/// How the object of a review differs from the one in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLive {
    /// The review creates an object that exists.
    #[error("the object that this review creates exists already")]
    Exists,
    /// The review changes an object that does not exist.
    #[error("the object that this review changes does not exist")]
    Missing,
    /// The object in the cluster has another UID.
    #[error("the object that this review changes has another UID in the cluster")]
    OtherUid,
    /// The object in the cluster has another resourceVersion.
    #[error(
        "the object has changed in the cluster since this review was made (it has another resourceVersion); try again"
    )]
    OtherVersion,
}

/// The names of policies in a sentence.
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
