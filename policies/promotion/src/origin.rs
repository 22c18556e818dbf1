//! The workload that must have run an image first.

use rollgate_sdk::{Failure, Problems};

use crate::settings::Settings;

/// How to find it.
#[derive(Debug)]
pub(crate) struct Origin {
    namespace: Namespace,
    before: String,
    after: String,
}

#[derive(Debug)]
enum Namespace {
    Fixed(String),
    Replaced { ending: String, with: String },
}

const NAME: &str = "${name}";

impl Origin {
    pub(crate) fn parse(settings: &Settings, problems: &mut Problems<'_>) -> Option<Self> {
        let namespace = match (&settings.namespace, &settings.suffix) {
            (Some(name), None) if !name.is_empty() => Namespace::Fixed(name.clone()),
            (None, Some(suffix)) if suffix.replace != suffix.with && !suffix.replace.is_empty() => {
                Namespace::Replaced {
                    ending: suffix.replace.clone(),
                    with: suffix.with.clone(),
                }
            }
            (None, Some(_)) => {
                return problems
                    .at("suffix")
                    .refuse("must replace an ending by another, such as -prod with -staging");
            }
            _ => {
                return problems.refuse(
                    "name the other namespace: exactly one of `namespace`, such as staging, and `suffix`",
                );
            }
        };
        let pattern = settings.workload_name.as_deref().unwrap_or(NAME);
        let Some((before, after)) = pattern.split_once(NAME) else {
            return problems
                .at("workloadName")
                .refuse("does not have ${name}, so every workload would wait for the same one");
        };
        Some(Self {
            namespace,
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// Returns the other namespace; `None` in that namespace itself, where images start.
    ///
    /// # Errors
    /// The namespace does not have the ending that is to be replaced.
    pub(crate) fn namespace(&self, own: &str) -> Result<Option<String>, Failure> {
        let other = match &self.namespace {
            Namespace::Fixed(name) => name.clone(),
            Namespace::Replaced { ending, with } => match own.strip_suffix(ending.as_str()) {
                Some(start) => [start, with].concat(),
                None if own.ends_with(with.as_str()) && !with.is_empty() => return Ok(None),
                None => {
                    return Err(Failure::unsupported(format!(
                        "the namespace {own} does not end with {ending}, so nothing shows where its \
                         images come from; leave it out of the policy's `match`"
                    )));
                }
            },
        };
        Ok(Some(other).filter(|other| other != own))
    }

    pub(crate) fn name(&self, own: &str) -> String {
        [&self.before, own, &self.after].concat()
    }
}
