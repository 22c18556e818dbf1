//! From files to the workloads in them.

use std::sync::Arc;

use rayon::prelude::*;
use rollgate_model::Kind;
use rollgate_model::yaml::{self, Document, Spans, YamlError};
use serde_json::Value;

use super::super::inputs::Input;
use crate::config::Problem;

/// What stands in files.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// The workloads, in the order of the files.
    pub(super) workloads: Vec<Manifest>,
    /// How many other objects there are.
    pub(super) others: usize,
    /// What could not be read.
    pub(super) problems: Vec<Problem>,
}

/// A workload as it is written.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) kind: Kind,
    pub(super) tree: Value,
    pub(super) origin: Origin,
}

/// Where an object stands.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) file: Arc<str>,
    pub(super) spans: Spans,
}

impl Origin {
    pub(super) fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        Problem::of(&self.file, &self.spans, pointer, message)
    }
}

impl Manifests {
    /// Reads all inputs, on all cores.
    pub(super) fn read(inputs: &[Input]) -> Self {
        let read: Vec<Self> = inputs.par_iter().map(Self::of).collect();
        let mut all = Self::default();
        for one in read {
            all.workloads.extend(one.workloads);
            all.others += one.others;
            all.problems.extend(one.problems);
        }
        all
    }

    fn of(input: &Input) -> Self {
        let file = input.name();
        match input.read() {
            Ok(bytes) => Self::parse(&file, &bytes),
            Err(error) => {
                let problem = Problem::of_file(&file, format!("cannot be read: {error}"));
                Self {
                    problems: vec![problem],
                    ..Self::default()
                }
            }
        }
    }

    fn parse(file: &Arc<str>, bytes: &[u8]) -> Self {
        let mut manifests = Self::default();
        for document in yaml::read(bytes) {
            match document {
                Ok(document) => manifests.object(file, document),
                Err(error) => {
                    let text = String::from_utf8_lossy(bytes);
                    let template = looks_like_template(&text);
                    manifests.problems.push(unreadable(file, &text, &error));
                    if template {
                        break;
                    }
                }
            }
        }
        manifests
    }

    fn object(&mut self, file: &Arc<str>, document: Document) {
        let origin = Origin {
            file: Arc::clone(file),
            spans: document.spans.clone(),
        };
        match sort(&document.tree) {
            Sorted::Workload(kind) => self.workloads.push(Manifest {
                kind,
                tree: document.tree,
                origin,
            }),
            Sorted::List => {
                for item in document.into_items("/items") {
                    self.object(file, item);
                }
            }
            Sorted::Mistaken(pointer, message) => {
                self.problems.push(origin.problem(pointer, message))
            }
            Sorted::Other => self.others += 1,
        }
    }
}

/// What a document is.
enum Sorted {
    Workload(Kind),
    List,
    Other,
    /// Meant to be a workload, it seems, but not one that any cluster takes.
    Mistaken(&'static str, String),
}

fn sort(tree: &Value) -> Sorted {
    let word = |field| tree.get(field).and_then(Value::as_str);
    match (word("apiVersion"), word("kind")) {
        (Some("v1"), Some("List")) => Sorted::List,
        (Some(api_version), Some(kind)) => sort_object(api_version, kind),
        (None, Some(kind)) if kind.parse::<Kind>().is_ok() => Sorted::Mistaken(
            "",
            format!("this {kind} has no `apiVersion`, so no cluster takes it"),
        ),
        (Some(api_version), None) => Sorted::Mistaken(
            "",
            format!(
                "this object of {} has no `kind`, so no cluster takes it",
                api_version.escape_debug()
            ),
        ),
        _ => Sorted::Other,
    }
}

/// The kinds of the group `apps` that start no Pods by themselves, or are not written by hand.
const OTHER_APPS: [&str; 2] = ["ReplicaSet", "ControllerRevision"];

fn sort_object(api_version: &str, kind: &str) -> Sorted {
    if let Some(kind) = Kind::of(api_version, kind).or(Kind::formerly(api_version, kind)) {
        return Sorted::Workload(kind);
    }
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let apps = ["Deployment", "StatefulSet", "DaemonSet"];
    let mistaken = |message| Sorted::Mistaken("/kind", message);
    match Kind::ALL
        .into_iter()
        .find(|known| known.as_str().eq_ignore_ascii_case(kind))
    {
        Some(known)
            if apps.contains(&known.as_str()) && matches!(group, "" | "apps" | "extensions") =>
        {
            mistaken(format!(
                "there is no {kind} in `{api_version}`; did you mean {known} in `{}`?",
                known.api_version()
            ))
        }
        None if api_version == "apps/v1" && !OTHER_APPS.contains(&kind) => mistaken(
            yaml::Problem::UnknownWord {
                word: kind.to_owned(),
                known: vec!["Deployment", "StatefulSet", "DaemonSet"],
            }
            .to_string(),
        ),
        _ => Sorted::Other,
    }
}

fn unreadable(file: &Arc<str>, text: &str, error: &YamlError) -> Problem {
    let problem = Problem::at(file, text, &error.location, error.kind.to_string());
    if looks_like_template(text) {
        problem.hint("for a Helm chart: `helm template CHART | rollgate check -`")
    } else {
        problem
    }
}

fn looks_like_template(text: &str) -> bool {
    text.contains("{{")
}
