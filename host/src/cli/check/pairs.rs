//! Pairs each workload with the one that it replaces, and classifies the change.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rayon::prelude::*;
use rollgate_model::{
    Baseline, Change, Classification, ClassifiedRequest, Kind, MutableTags, Request, Revisions,
    ShapeError, TemplateChange, Workload,
};
use serde_json::Value;

use super::manifests::{Manifest, Manifests, Origin};
use super::templates::Templates;
use crate::config::{MatchInput, NamespaceLabels, PolicySet, Problem};

/// A workload and its classified change.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) classified: ClassifiedRequest,
}

impl Subject {
    /// Returns whether it is a new Service that no policy matches, as most are.
    pub(super) fn is_just_there(&self, set: &PolicySet) -> bool {
        matches!(&self.classified, ClassifiedRequest::Rollout(rollout)
            if self.kind == Kind::Service
                && rollout.change() == Change::Create
                && set.matching(MatchInput::of(rollout, &NamespaceLabels::NotNeeded)).next().is_none())
    }
}

/// Identifies a workload; the kind implies the group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    /// Returns `None` for a workload with a `generateName`: each creation is another object.
    pub(super) fn of(manifest: &Manifest, namespace: Option<&str>) -> Option<Self> {
        let name = word(manifest, "/metadata/name").filter(|name| !name.is_empty())?;
        Some(Self {
            kind: manifest.kind,
            namespace: namespace_of(manifest, namespace),
            name: name.to_owned(),
        })
    }
}

fn word<'a>(manifest: &'a Manifest, pointer: &str) -> Option<&'a str> {
    manifest.tree.pointer(pointer).and_then(Value::as_str)
}

fn namespace_of(manifest: &Manifest, namespace: Option<&str>) -> String {
    let own = word(manifest, "/metadata/namespace").filter(|own| !own.is_empty());
    own.or(namespace).unwrap_or_default().to_owned()
}

fn name_of(manifest: &Manifest) -> String {
    word(manifest, "/metadata/name")
        .unwrap_or_default()
        .to_owned()
}

/// The workloads before the change.
#[derive(Debug, Default)]
pub(super) struct Before(HashMap<Key, Manifest>);

impl Before {
    /// Indexes the workloads of `--old`.
    pub(super) fn new(manifests: Vec<Manifest>, namespace: Option<&str>) -> (Self, Vec<Problem>) {
        let mut before = HashMap::new();
        let mut problems = Vec::new();
        for manifest in manifests {
            let Some(key) = Key::of(&manifest, namespace) else {
                continue;
            };
            match before.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(manifest);
                }
                Entry::Occupied(first) => {
                    let Key { kind, name, .. } = first.key();
                    let name = name.escape_debug();
                    let message = format!("{kind} `{name}` is in --old a second time");
                    problems.push(manifest.origin.problem("/metadata/name", message));
                }
            }
        }
        (Self(before), problems)
    }

    /// Returns whether a workload was there before.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }

    /// Returns the keys of the workloads.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }
}

/// Pairs and classifies all workloads, on all cores. A workload that cannot be parsed becomes a
/// problem.
pub(super) fn subjects(
    manifests: &mut Manifests,
    before: &Before,
    namespace: Option<&str>,
    tags: &MutableTags,
    templates: &Templates,
) -> Vec<Subject> {
    let workloads = std::mem::take(&mut manifests.workloads);
    let read: Vec<Result<Subject, Problem>> = workloads
        .into_par_iter()
        .map(|manifest| subject(manifest, before, namespace, tags, templates))
        .collect();
    let mut subjects = Vec::with_capacity(read.len());
    for result in read {
        match result {
            // Most Services move no traffic.
            Ok(Subject {
                kind: Kind::Service,
                classified: ClassifiedRequest::NotARollout { .. },
                ..
            }) => manifests.others += 1,
            Ok(subject) => subjects.push(subject),
            Err(problem) => manifests.problems.push(problem),
        }
    }
    subjects
}

/// Pairs a workload of the cluster with itself and a changed template annotation: a rollout without any
/// other change.
pub(super) fn rolling(manifest: Manifest) -> Result<Subject, ShapeError> {
    const NEXT: &str = "rollgate.dev/next";
    let (namespace, name) = (namespace_of(&manifest, None), name_of(&manifest));
    let Manifest { kind, tree, origin } = manifest;
    let mut next = tree.clone();
    if let Some(template) = next
        .pointer_mut("/spec/template")
        .filter(|it| it.is_object())
    {
        template["metadata"]["annotations"][NEXT] = "another".into();
    }
    let request = Request {
        dry_run: true,
        ..Request::update(tree, next)
    };
    // There is nothing to roll back to, and existing findings are those of what runs.
    let classification = request.classify(&MutableTags::default())?;
    let classified = classification
        .resolve(own_template, &Revisions::Known(Vec::new()))
        .with_baseline(Baseline::old_object());
    Ok(Subject {
        kind,
        namespace,
        name,
        origin,
        classified,
    })
}

/// The template that a Rollout refers to, which was put into it when it was read.
fn own_template(rollout: &Workload) -> Result<rollgate_model::json::Value, String> {
    let template = rollout.json("/spec/template").cloned();
    template.ok_or_else(|| "nobody read it".to_owned())
}

fn subject(
    manifest: Manifest,
    before: &Before,
    namespace: Option<&str>,
    tags: &MutableTags,
    templates: &Templates,
) -> Result<Subject, Problem> {
    let old = Key::of(&manifest, namespace).and_then(|key| before.0.get(&key));
    let (namespace_of_object, name) = (namespace_of(&manifest, namespace), name_of(&manifest));
    let Manifest { kind, tree, origin } = manifest;
    let request = match old {
        Some(old) => Request::update(old.tree.clone(), tree),
        None => Request::create(tree),
    };
    let request = Request {
        namespace: namespace.map(str::to_owned),
        dry_run: true,
        ..request
    };
    let revisions = Revisions::NoCluster {
        why: "files have no earlier revisions".to_owned(),
    };
    let changes = match kind {
        Kind::Rollout => templates.changes(),
        _ => &[],
    };
    let classified = classify(request.as_applied(), tags, changes).map(|classification| {
        classification.resolve(|rollout| templates.referred(rollout), &revisions)
    });
    match classified {
        Ok(classified) => Ok(Subject {
            kind,
            namespace: namespace_of_object,
            name,
            origin,
            classified,
        }),
        Err(error) => {
            // The error is about the old object if that one fails alone too.
            let failing = old.filter(|old| Workload::parse(old.tree.clone(), namespace).is_err());
            let origin = failing.map_or(&origin, |old| &old.origin);
            Err(origin.problem(error.pointer(), error.to_string()))
        }
    }
}

/// A Rollout may roll out because the object changes that it takes its Pod template from.
fn classify(
    request: Request,
    tags: &MutableTags,
    changes: &[TemplateChange],
) -> Result<Classification, ShapeError> {
    for change in changes {
        if let Some(classification) = change.classify(request.clone(), tags)? {
            return Ok(classification);
        }
    }
    request.classify(tags)
}
