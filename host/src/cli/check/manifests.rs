//! From paths to the workloads in their files.

use std::sync::Arc;

use rayon::prelude::*;
use rollgate_model::{Kind, ListError};
use rollgate_yaml::{self as yaml, Document, Spans, YamlError, YamlErrorKind};
use serde_json::Value;

use super::super::inputs::{Input, Named};
use super::document_kind::{DocumentKind, Mistake, kind_of};
use super::namespaces::Namespaces;
use super::objects::ManifestObject;
use super::unrendered;
use crate::config::Problem;

/// The contents of files.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    /// The workloads, in the order of the files.
    pub(super) workloads: Vec<Manifest>,
    /// How many other objects there are.
    pub(super) others: usize,
    /// The namespaces among them.
    pub(super) namespaces: Namespaces,
    /// All objects, for policies that read the cluster.
    pub(super) objects: Vec<ManifestObject>,
    /// The ReplicaSets and PodTemplates among the others.
    pub(super) templates: Vec<Value>,
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

/// The file of an object, and the lines of its fields.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) file: Arc<str>,
    pub(super) spans: Spans,
}

/// Whether a named path may have no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// It is a problem.
    Refused,
    /// It may.
    Allowed,
}

impl Origin {
    pub(super) fn problem(&self, pointer: &str, message: impl Into<String>) -> Problem {
        Problem::of(&self.file, &self.spans, pointer, message)
    }
}

impl Manifests {
    /// Reads the files of the paths, on all cores.
    pub(super) fn read(paths: Vec<Named>, empty: Empty) -> Self {
        let mut all = Self::default();
        for named in paths {
            all.add(Self::of(named, empty));
        }
        all
    }

    fn of(named: Named, empty: Empty) -> Self {
        let name = named.name();
        let (inputs, unrendered) = unrendered::leave_out(&named.path, named.inputs);
        let read: Vec<Self> = inputs.par_iter().map(Self::of_input).collect();
        let mut all = Self {
            problems: named.problems,
            ..Self::default()
        };
        all.problems.extend(unrendered);
        read.into_iter().for_each(|one| all.add(one));
        if empty == Empty::Refused && all.is_empty() && !named.repeated {
            all.problems.push(nothing(&name));
        }
        all
    }

    fn add(&mut self, more: Self) {
        self.workloads.extend(more.workloads);
        self.others += more.others;
        self.namespaces.add(more.namespaces);
        self.objects.extend(more.objects);
        self.templates.extend(more.templates);
        self.problems.extend(more.problems);
    }

    fn is_empty(&self) -> bool {
        self.workloads.is_empty() && self.others == 0 && self.problems.is_empty()
    }

    fn of_input(input: &Input) -> Self {
        let file = input.name();
        match input.read() {
            Ok(bytes) => Self::parse(&file, &bytes),
            Err(error) => Self {
                problems: vec![Problem::of_file(&file, format!("cannot be read: {error}"))],
                ..Self::default()
            },
        }
    }

    fn parse(file: &Arc<str>, bytes: &[u8]) -> Self {
        let mut manifests = Self::default();
        let mut template_reported = false;
        for document in yaml::read(bytes) {
            match document {
                Ok(document) => {
                    for object in rollgate_model::objects(document) {
                        manifests.object(file, object);
                    }
                }
                Err(error) => {
                    let template = error.kind == YamlErrorKind::Template;
                    // Each document of a template says the same.
                    if !(template && template_reported) {
                        manifests.problems.push(unreadable(file, bytes, &error));
                    }
                    template_reported |= template;
                }
            }
        }
        manifests
    }

    fn object(&mut self, file: &Arc<str>, object: Result<Document, ListError>) {
        let document = match object {
            Ok(document) => document,
            Err(error) => {
                let ListError {
                    problem,
                    pointer,
                    spans,
                } = error;
                let problem = Problem::of(file, &spans, pointer, problem.to_string());
                self.problems.push(problem);
                return;
            }
        };
        let Document { tree, spans } = document;
        let origin = Origin {
            file: Arc::clone(file),
            spans,
        };
        match kind_of(&tree) {
            DocumentKind::Workload(kind) => self.workload(kind, tree, origin),
            DocumentKind::Mistaken(mistake) => self.problems.push(mistaken(&origin, mistake)),
            DocumentKind::Other => {
                self.others += 1;
                self.namespaces.note(&tree);
                self.objects.extend(ManifestObject::of(&tree));
                if may_be_referred_to(&tree) {
                    self.templates.push(tree);
                }
            }
            DocumentKind::NoObject => {}
        }
    }

    /// Adds a workload, unless a name in it is a template: `"{{ x }}"` is valid YAML, but no valid name.
    fn workload(&mut self, kind: Kind, tree: Value, origin: Origin) {
        match unrendered::field(&tree) {
            Some(pointer) => {
                let problem = origin.problem(&pointer, YamlErrorKind::Template.to_string());
                self.problems.push(problem.hint(unrendered::HINT));
            }
            None => {
                self.objects.extend(ManifestObject::of(&tree));
                self.workloads.push(Manifest { kind, tree, origin });
            }
        }
    }
}

/// Whether an Argo Rollout may take its template from this object, which is no workload itself.
fn may_be_referred_to(tree: &Value) -> bool {
    ["ReplicaSet", "PodTemplate"]
        .iter()
        .any(|kind| tree["kind"] == *kind)
}

fn mistaken(origin: &Origin, mistake: Mistake) -> Problem {
    let problem = origin.problem(mistake.pointer, mistake.message);
    match mistake.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

fn unreadable(file: &Arc<str>, bytes: &[u8], error: &YamlError) -> Problem {
    let text = String::from_utf8_lossy(bytes);
    let problem = Problem::at(file, &text, &error.location, error.kind.to_string());
    match error.kind {
        YamlErrorKind::Template => problem.hint(unrendered::HINT),
        _ => problem,
    }
}

/// Nothing to evaluate must not look like success.
fn nothing(name: &Arc<str>) -> Problem {
    Problem::of_file(name, "there is no manifest here, so nothing is evaluated")
        .hint("name a path with manifests, or say with --allow-empty that there may be none")
}
