//! The change table: each case of `changes/*.yaml` is one request and the class it has.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rollgate_model::{
    Asker, Change, Flaw, Operation, Read, Request, Reviewed, Revision, Revisions, Rollout,
    ShapeError, SubResource, Undo, Workload, template_text, yaml,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One row of the table. `old` is a merge patch on the base, `new` one on `old`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    base: String,
    #[serde(default = "update")]
    operation: String,
    #[serde(default)]
    sub_resource: String,
    #[serde(default)]
    by: By,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    old: Option<Value>,
    #[serde(default)]
    new: Option<Value>,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    mutable_tags: Vec<String>,
    #[serde(default)]
    revisions: Vec<RevisionCase>,
    #[serde(default)]
    objects: Vec<Value>,
    unknown: Option<String>,
    expect: Option<String>,
    note: Option<String>,
    why: Option<String>,
    undo: Option<String>,
    error: Option<String>,
}

/// Who asks.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    Argo,
    #[default]
    SomebodyElse,
}

/// One revision; its `template` is a merge patch on that of the base.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevisionCase {
    name: String,
    created: jiff::Timestamp,
    number: Option<i64>,
    earlier_numbers: Option<Vec<i64>>,
    owner: Option<String>,
    flaw: Option<String>,
    has_pods: Option<bool>,
    #[serde(default)]
    template: Option<Value>,
}

fn update() -> String {
    "UPDATE".to_owned()
}

/// What came of a case, in the words of its file.
#[derive(Debug, Default, PartialEq)]
struct Told {
    expect: Option<String>,
    note: Option<String>,
    why: Option<String>,
    undo: Option<String>,
    error: Option<String>,
}

#[test]
fn creates_and_changes_of_the_template() {
    table("templates.yaml", 28);
}

#[test]
fn restarts() {
    table("restarts.yaml", 23);
}

#[test]
fn rollbacks_and_what_only_looks_like_one() {
    table("rollbacks.yaml", 26);
}

#[test]
fn resumes() {
    table("resumes.yaml", 28);
}

#[test]
fn releases() {
    table("releases.yaml", 60);
}

#[test]
fn templates_that_stand_in_another_object() {
    table("referred.yaml", 11);
}

#[test]
fn requests_that_cannot_be_read() {
    table("errors.yaml", 11);
}

/// What 300 commits did to the Deployments of a real shop: each changed the template.
#[test]
fn real_changes_are_all_told_apart() {
    let Some(corpus) = std::env::var_os("ROLLGATE_CORPUS") else {
        eprintln!("skipped: ROLLGATE_CORPUS is not set");
        return;
    };
    let path = PathBuf::from(corpus).join("rollouts/microservices-demo.jsonl");
    let text = fs::read_to_string(&path).expect("the file can be read");
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let change: Value = serde_json::from_str(line).expect("each line is JSON");
        *classes.entry(class_of(&change)).or_default() += 1;
    }
    assert_eq!(classes, BTreeMap::from([("roll-forward".to_owned(), 300)]));
}

fn class_of(change: &Value) -> String {
    let object = |side: &str| Some(change[side].clone()).filter(|object| !object.is_null());
    let request = Request {
        operation: Operation::Update,
        sub_resource: SubResource::None,
        namespace: None,
        user: String::new(),
        groups: Vec::new(),
        asker: Asker::Other,
        dry_run: false,
        object: object("new"),
        old_object: object("old"),
    };
    let told = told(Rollout::from_request(
        request,
        &Revisions::Known(Vec::new()),
    ));
    assert_eq!(told.error, None, "{}", change["commit"]);
    told.expect.expect("what is no error has a class")
}

/// `at_least` guards against a file that is read but holds no cases.
fn table(file: &str, at_least: usize) {
    let cases: Vec<Case> = read(&folder().join(file));
    assert!(
        cases.len() >= at_least,
        "{file} lost cases: {}",
        cases.len()
    );
    let failed: Vec<String> = cases.iter().filter_map(failure).collect();
    assert!(failed.is_empty(), "{file}:\n{}", failed.join("\n"));
}

fn failure(case: &Case) -> Option<String> {
    let expected = Told {
        expect: case.expect.clone(),
        note: case.note.clone(),
        why: case.why.clone(),
        undo: case.undo.clone(),
        error: case.error.clone(),
    };
    let told = told(classify(case));
    (told != expected).then(|| {
        format!(
            "- {}\n  expected {expected:?}\n  told     {told:?}",
            case.name
        )
    })
}

fn told(reviewed: Result<Reviewed, ShapeError>) -> Told {
    match reviewed {
        Ok(Reviewed::Rollout(rollout)) => {
            texts_agree(&rollout);
            Told {
                expect: Some(rollout.change().to_string()),
                note: rollout.change_note().map(str::to_owned),
                undo: Some(word(rollout.undo()).to_owned()),
                ..Told::default()
            }
        }
        Ok(Reviewed::NotARollout { why, .. }) => Told {
            expect: Some("none".to_owned()),
            why: Some(why.to_owned()),
            ..Told::default()
        },
        Err(error) => Told {
            error: Some(error.to_string()),
            ..Told::default()
        },
    }
}

/// The text of a template tells two apart exactly where the class says that they differ.
fn texts_agree(rollout: &Rollout) {
    let (Some(old), Some(new)) = (rollout.old(), rollout.new()) else {
        return;
    };
    let (old, new) = (template_text(old), template_text(new));
    match rollout.change() {
        Change::RollForward if is_restart(rollout) => assert_eq!(old, new),
        Change::RollForward => assert_ne!(old, new),
        Change::Restart | Change::Resume | Change::Scale => assert_eq!(old, new),
        // A rollback may unpause, and a release promote, without another template.
        Change::Rollback | Change::Release | Change::Create | Change::Delete => {}
    }
}

fn is_restart(rollout: &Rollout) -> bool {
    let note = rollout.change_note();
    note.is_some_and(|note| note.starts_with("this restart"))
}

fn word(undo: &Undo) -> &'static str {
    match undo {
        Undo::Passes => "passes",
        Undo::NotPossible => "not-possible",
        Undo::Unknown { .. } => "unknown",
    }
}

fn classify(case: &Case) -> Result<Reviewed, ShapeError> {
    let base: Value = read(&folder().join("base").join(format!("{}.yaml", case.base)));
    let old = patched(&base, case.old.as_ref());
    let new = patched(&old, case.new.as_ref());
    let operation: Operation = case.operation.parse().expect("an operation");
    let (group, resource) = case.resource.split_once('/').unwrap_or_default();
    let with = |field: &str, object: Value, operations: &[Operation]| {
        let there =
            operations.contains(&operation) && !case.without.iter().any(|absent| absent == field);
        there.then_some(object)
    };
    let request = Request {
        operation,
        sub_resource: SubResource::of(&case.sub_resource, group, resource),
        namespace: Some("shop".to_owned()),
        user: "admin".to_owned(),
        groups: Vec::new(),
        asker: match case.by {
            By::Argo => Asker::ArgoController,
            By::SomebodyElse => Asker::Other,
        },
        dry_run: false,
        object: with("object", new, &[Operation::Create, Operation::Update]),
        old_object: with("oldObject", old, &[Operation::Update, Operation::Delete]),
    };
    let tags = case
        .mutable_tags
        .iter()
        .map(|tag| tag.parse().expect("a tag"));
    let read = match Rollout::read_by(request, &tags.collect())? {
        Read::Referring(referring) => referring.resolve(|rollout| referred(case, rollout)),
        read => read,
    };
    Ok(read.settle(&revisions(case, &base)))
}

fn referred(case: &Case, rollout: &Workload) -> Result<Value, String> {
    let reference = rollout.template_ref().expect("only these are asked for");
    reference.kind()?;
    let object = case.objects.iter().find(|object| reference.names(object));
    reference.template_of(object.ok_or("it is not there")?)
}

fn revisions(case: &Case, base: &Value) -> Revisions {
    if let Some(why) = &case.unknown {
        return Revisions::Unknown { why: why.clone() };
    }
    let template = base.pointer("/spec/template").cloned().unwrap_or_default();
    let revision = |row: &RevisionCase| {
        let template = patched(&template, row.template.as_ref());
        let mut revision = Revision::new(row.name.as_str(), row.created, template);
        revision.number = row.number;
        revision.earlier_numbers.clone_from(&row.earlier_numbers);
        revision.owner.clone_from(&row.owner);
        revision.flaw = row.flaw.as_deref().map(flaw);
        revision.has_pods = row.has_pods;
        revision
    };
    Revisions::Known(case.revisions.iter().map(revision).collect())
}

fn flaw(word: &str) -> Flaw {
    match word {
        "older-than-workload" => Flaw::OlderThanWorkload,
        "not-named-by-controller" => Flaw::NotNamedByController,
        other => panic!("`{other}` is no flaw"),
    }
}

fn patched(target: &Value, patch: Option<&Value>) -> Value {
    let mut target = target.clone();
    if let Some(patch) = patch {
        merge(&mut target, patch);
    }
    target
}

/// JSON Merge Patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let target = target.as_object_mut().expect("made an object above");
    for (key, value) in fields {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changes")
}

fn read<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut documents = yaml::read(&text);
    assert_eq!(documents.len(), 1, "{} holds one document", path.display());
    let document = documents
        .remove(0)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    document
        .read()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
