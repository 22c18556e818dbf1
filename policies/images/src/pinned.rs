//! Images that may change under their name.

use rollgate_sdk::rules::{Problem, Report};

use crate::rules::Rule;
use crate::settings::{Config, PinnedBy};
use crate::used::Used;

/// Checks that an image is pinned, and that nodes pull it again where its tag is mutable.
pub(crate) fn check(used: &Used, config: &Config, report: &mut Report<'_, Rule>) {
    let Some(tag) = used.image().pulled_tag() else {
        return;
    };
    if config.is_mutable(tag) {
        used.report(report, Rule::ImageNotPinned, || mutable(used, tag, config));
        if used.pull_policy != "Always" {
            used.report(report, Rule::PullPolicyUnfit, || not_pulled(used, tag));
        }
    } else if config.pinned_by == PinnedBy::Digest {
        used.report(report, Rule::ImageNotPinned, || no_digest(used, tag));
    }
}

impl Config {
    /// Whether the tag is moved from image to image.
    fn is_mutable(&self, tag: &str) -> bool {
        tag == "latest" || self.mutable_tags.iter().any(|pattern| pattern.matches(tag))
    }

    fn expected(&self) -> &'static str {
        match self.pinned_by {
            PinnedBy::Tag => "a digest, or the tag of a version",
            PinnedBy::Digest => "a digest",
        }
    }
}

fn mutable(used: &Used, tag: &str, config: &Config) -> Problem {
    let what = match used.image().tag {
        Some(_) => ["the tag `", tag, "`, which is moved from image to image"].concat(),
        None => "no tag, which means `latest`".to_owned(),
    };
    Problem {
        path: used.path.clone(),
        message: [
            used.place.as_str(),
            " uses an image with ",
            &what,
            ": each new Pod may run other code than the one before, and a rollback cannot bring \
             the old code back.",
        ]
        .concat(),
        found: used.reference.clone(),
        expected: config.expected().to_owned(),
        hint: "Name the version that was tested, such as :1.4.2 or @sha256:….".to_owned(),
    }
}

fn no_digest(used: &Used, tag: &str) -> Problem {
    Problem {
        path: used.path.clone(),
        message: [
            used.place.as_str(),
            " uses an image by the tag `",
            tag,
            "` alone: whoever may push to its registry can put another image there.",
        ]
        .concat(),
        found: used.reference.clone(),
        expected: "a digest".to_owned(),
        hint: "Append the digest, such as :1.4.2@sha256:…; the tag may stay.".to_owned(),
    }
}

fn not_pulled(used: &Used, tag: &str) -> Problem {
    Problem {
        path: used.path.clone(),
        message: [
            used.place.as_str(),
            " uses the mutable tag `",
            tag,
            "` with the pull policy ",
            policy(used),
            ": a node that has an older image of that name keeps it, so that Pods of one \
             workload run different code.",
        ]
        .concat(),
        found: policy(used).to_owned(),
        expected: "Always, with a mutable tag".to_owned(),
        hint: "Pin the image; or set imagePullPolicy to Always, which makes each start depend on \
               the registry."
            .to_owned(),
    }
}

fn policy(used: &Used) -> &str {
    match used.pull_policy.as_str() {
        "" => "IfNotPresent",
        policy => policy,
    }
}
