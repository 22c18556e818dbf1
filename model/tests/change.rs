//! The change table: each case of `changes/*.yaml` is one request with its class.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rollgate_model::{
    Change, ClassifiedRequest, Flaw, MutableTags, Operation, Request, Requester, Revision,
    Revisions, Rollout, ShapeError, SubResource, TemplateChange, Undo, Workload, json,
    template_text,
};
use rollgate_yaml as yaml;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

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

/// Who sends the request.
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

/// The result of a case, in the words of its file.
#[derive(Debug, Default, PartialEq)]
struct CaseResult {
    expect: Option<String>,
    note: Option<String>,
    why: Option<String>,
    undo: Option<String>,
    error: Option<String>,
}

#[test]
fn creation_and_new_template_are_classified() {
    table("templates.yaml", 28);
}

#[test]
fn restart_is_classified() {
    table("restarts.yaml", 23);
}

#[test]
fn rollback_is_distinguished_from_what_only_looks_like_one() {
    table("rollbacks.yaml", 26);
}

#[test]
fn resume_is_classified() {
    table("resumes.yaml", 28);
}

#[test]
fn release_is_classified() {
    table("releases.yaml", 60);
}

#[test]
fn template_in_another_object_is_compared() {
    table("referred.yaml", 11);
}

#[test]
fn another_template_in_the_referred_object_is_a_rollout_of_each_rollout_that_names_it() {
    let template = |image: &str| json!({"spec": {"containers": [{"name": "web", "image": image}]}});
    let object = |image: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"replicas": 0, "template": template(image)},
        })
    };
    let rollout = |name: &str| {
        let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name});
        let tree = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": "shop", "namespace": "shop", "uid": "u-1"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "workloadRef": reference},
        });
        Request::update(tree.clone(), tree)
    };
    let revision = |number: u32| {
        let created = format!("2026-01-0{number}T00:00:00Z");
        let created = created.parse().expect("an instant");
        Revision::new(
            format!("shop-{number}").as_str(),
            created,
            template(&format!("web:{number}")),
        )
    };
    let revisions = Revisions::Known(vec![revision(1), revision(2)]);
    let tags = MutableTags::default();
    let classified = |old: Option<Value>, new: &str, name: &str| {
        let old = old.map(json::Value::from);
        let change = TemplateChange::of(old.as_ref(), &object(new).into(), None)?;
        let classification = change.classify(rollout(name), &tags).expect("a Rollout")?;
        match classification.resolve(|_| Err("not asked".to_owned()), &revisions) {
            ClassifiedRequest::Rollout(rollout) => Some((
                rollout.change(),
                rollout.change_note().unwrap_or_default().to_owned(),
            )),
            ClassifiedRequest::NotARollout { why, .. } => panic!("{why}"),
        }
    };
    let old = || Some(object("web:2"));
    let because =
        "it takes its Pod template from Deployment `shop/web`, which this request changes";
    let forward = Some((Change::RollForward, because.to_owned()));
    assert_eq!(classified(old(), "web:3", "web"), forward);
    assert_eq!(classified(None, "web:3", "web"), forward);
    let (change, note) = classified(old(), "web:1", "web").expect("a rollout");
    assert_eq!(change, Change::Rollback);
    assert!(
        note.starts_with(because) && note.contains("revision shop-1"),
        "{note}"
    );
    assert_eq!(classified(old(), "web:2", "web"), None);
    assert_eq!(classified(old(), "web:3", "other"), None);
}

#[test]
fn malformed_request_is_an_error() {
    table("errors.yaml", 11);
}

/// 300 commits to the Deployments of a real shop; each changed the template.
#[test]
fn every_real_change_is_a_roll_forward() {
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
    let request = Request::update(change["old"].clone(), change["new"].clone());
    let actual = result(request.classify_with(&Revisions::Known(Vec::new())));
    assert_eq!(actual.error, None, "{}", change["commit"]);
    actual.expect.expect("what is no error has a class")
}

/// `at_least` guards against an empty or truncated file.
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
    let expected = CaseResult {
        expect: case.expect.clone(),
        note: case.note.clone(),
        why: case.why.clone(),
        undo: case.undo.clone(),
        error: case.error.clone(),
    };
    let actual = result(classify(case));
    (actual != expected).then(|| {
        format!(
            "- {}\n  expected {expected:?}\n  actual   {actual:?}",
            case.name
        )
    })
}

fn result(classified: Result<ClassifiedRequest, ShapeError>) -> CaseResult {
    match classified {
        Ok(ClassifiedRequest::Rollout(rollout)) => {
            assert_texts_agree(&rollout);
            CaseResult {
                expect: Some(rollout.change().to_string()),
                note: rollout.change_note().map(str::to_owned),
                undo: Some(word(rollout.undo()).to_owned()),
                ..CaseResult::default()
            }
        }
        Ok(ClassifiedRequest::NotARollout { why, .. }) => CaseResult {
            expect: Some("none".to_owned()),
            why: Some(why.to_owned()),
            ..CaseResult::default()
        },
        Err(error) => CaseResult {
            error: Some(error.to_string()),
            ..CaseResult::default()
        },
    }
}

/// Checks that `template_text` differs exactly where the class says that the templates differ.
fn assert_texts_agree(rollout: &Rollout) {
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
        Undo::Rollback => "passes",
        Undo::NotPossible => "not-possible",
        Undo::Unknown { .. } => "unknown",
    }
}

fn classify(case: &Case) -> Result<ClassifiedRequest, ShapeError> {
    let base: Value = read(&folder().join("base").join(format!("{}.yaml", case.base)));
    let old = patched(&base, case.old.as_ref());
    let new = patched(&old, case.new.as_ref());
    let operation: Operation = case.operation.parse().expect("an operation");
    let (group, resource) = case.resource.split_once('/').unwrap_or_default();
    let with = |field: &str, object: Value, operations: &[Operation]| {
        let there =
            operations.contains(&operation) && !case.without.iter().any(|absent| absent == field);
        there.then_some(object.into())
    };
    let request = Request {
        operation,
        sub_resource: SubResource::of(&case.sub_resource, group, resource),
        namespace: Some("shop".to_owned()),
        user: "admin".to_owned(),
        groups: Vec::new(),
        requester: match case.by {
            By::Argo => Requester::ArgoController,
            By::SomebodyElse => Requester::Other,
        },
        dry_run: false,
        object: with("object", new, &[Operation::Create, Operation::Update]),
        old_object: with("oldObject", old, &[Operation::Update, Operation::Delete]),
    };
    let tags = case
        .mutable_tags
        .iter()
        .map(|tag| tag.parse().expect("a tag"));
    let classification = request.classify(&tags.collect())?;
    Ok(classification.resolve(|rollout| referred(case, rollout), &revisions(case, &base)))
}

fn referred(case: &Case, rollout: &Workload) -> Result<json::Value, String> {
    let reference = rollout.template_ref().expect("only these are asked for");
    reference.kind()?;
    let mut objects = case.objects.iter().map(json::Value::from);
    let object = objects.find(|object| reference.names(object));
    reference.template_of(&object.ok_or("it is not there")?)
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
