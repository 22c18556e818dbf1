//! The defaults of each manifest in `defaults/`, and robustness against malformed manifests.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rollgate_model::defaults::{self, DefaultValue, table};
use rollgate_model::{Kind, ShapeError, Workload, pointer};
use rollgate_yaml as yaml;
use serde_json::{Value, json};

#[test]
fn manifests_get_the_defaults_of_the_api_server() {
    for path in yaml_files(&manifests()) {
        let object = filled(&document(&path));
        let name = path
            .file_stem()
            .expect("a file has a name")
            .to_string_lossy()
            .into_owned();
        let text = serde_json::to_string_pretty(&object).expect("a JSON tree can be written");
        insta::assert_snapshot!(format!("defaults-{name}"), text);
    }
}

#[test]
fn filling_in_defaults_twice_changes_nothing() {
    for path in yaml_files(&manifests()) {
        let once = filled(&document(&path));
        assert_eq!(filled(&once), once, "{}", path.display());
    }
}

#[test]
fn every_default_is_covered_by_a_manifest() {
    let objects: Vec<Value> = yaml_files(&manifests())
        .iter()
        .map(|path| filled(&document(path)))
        .collect();
    let text = serde_json::to_string(&objects).expect("a JSON tree can be written");
    for shape in table() {
        assert!(!shape.source.is_empty(), "{} has no source", shape.name);
        for row in shape.rows {
            let default = match row.value {
                DefaultValue::Text(text) => json!(text).to_string(),
                DefaultValue::Int(number) => number.to_string(),
                DefaultValue::Flag(flag) => flag.to_string(),
                DefaultValue::Empty => "{}".to_owned(),
                DefaultValue::Beside(_) => String::new(),
            };
            let written = format!("\"{}\":{default}", row.field);
            assert!(
                text.contains(&written),
                "no manifest of tests/defaults gets {written} of {}",
                shape.name
            );
        }
    }
}

#[test]
fn defaults_that_the_api_gives_a_pod_only_are_not_filled_in() {
    let object = filled(&document(&manifests().join("deployment-recreate.yaml")));
    assert_eq!(
        object.pointer("/spec/template/spec/enableServiceLinks"),
        None
    );
    assert_eq!(
        object.pointer("/spec/template/spec/containers/0/ports/0/hostPort"),
        None,
        "on the host network"
    );
    let mut limits_only = document(&manifests().join("deployment-least.yaml"));
    limits_only["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"limits": {"cpu": "1"}});
    let object = filled(&limits_only);
    assert_eq!(
        object.pointer("/spec/template/spec/containers/0/resources/requests"),
        None,
        "from limits"
    );
}

/// Each value of each manifest is replaced by each of these, and removed: nothing may panic, and
/// every parsed container must be in the tree.
#[test]
fn malformed_objects_never_panic() {
    let strange = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(2_147_483_648_i64),
        json!(1e300),
        json!(""),
        json!("%"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({"": null}),
        json!({"~": {"/": [0]}}),
    ];
    for path in yaml_files(&manifests()) {
        let manifest = document(&path);
        let mut refused = 0;
        let mut pointers = Vec::new();
        collect_pointers(&manifest, String::new(), &mut pointers);
        for pointer in &pointers {
            for value in &strange {
                refused += usize::from(survives(&manifest, pointer, value).is_err());
            }
        }
        assert!(
            refused > 0,
            "{}: some of it is of a wrong shape",
            path.display()
        );
    }
}

fn survives(manifest: &Value, pointer: &str, value: &Value) -> Result<(), ShapeError> {
    let mut mutant = manifest.clone();
    *mutant
        .pointer_mut(pointer)
        .expect("collected from this manifest") = value.clone();
    let workload = Workload::parse(mutant, Some("shop"))?;
    for index in 0..=3 {
        let _ = (
            workload.env(index),
            workload.env_from(index),
            workload.volume_mounts(index),
        );
        let _ = (
            workload.volume_devices(index),
            workload.security_context(index),
        );
    }
    for container in workload.containers() {
        assert!(
            workload.json(&container.path).is_some(),
            "{} at {pointer}",
            container.path
        );
    }
    Ok(())
}

fn collect_pointers(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let mut pointer = at.clone();
                pointer::push(&mut pointer, key);
                collect_pointers(value, pointer, pointers);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect_pointers(value, format!("{at}/{index}"), pointers);
            }
        }
        _ => {}
    }
    pointers.push(at);
}

/// Real manifests, many of them odd on purpose. Each workload is parsed or refused with a pointer,
/// and filling in defaults twice equals once.
#[test]
fn corpus_is_parsed_or_refused_with_a_reason() {
    let Some(corpus) = std::env::var_os("ROLLGATE_CORPUS") else {
        eprintln!("skipped: ROLLGATE_CORPUS is not set");
        return;
    };
    let files = yaml_files(&PathBuf::from(corpus).join("manifests"));
    assert!(
        files.len() > 100,
        "the corpus holds {} manifests",
        files.len()
    );
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for path in &files {
        for tree in documents(path) {
            *counts.entry(corpus_object(path, &tree)).or_default() += 1;
        }
    }
    eprintln!("{counts:?}");
    assert!(
        counts.get("read").is_some_and(|read| *read > 50),
        "{counts:?}"
    );
}

fn corpus_object(path: &Path, tree: &Value) -> &'static str {
    match Workload::parse(tree.clone(), None) {
        Ok(workload) => {
            let again = Workload::parse(workload.tree().clone(), None).expect("it was read before");
            assert_eq!(again, workload, "{}", path.display());
            "read"
        }
        Err(ShapeError::Wrong {
            pointer,
            expected,
            found,
        }) => {
            eprintln!(
                "{}: {pointer}: expected {expected}, found {found}",
                path.display()
            );
            "of a wrong shape"
        }
        Err(ShapeError::NoLongerServed { .. }) => "no longer served",
        Err(ShapeError::OtherKind { .. }) => "no workload",
        Err(error @ ShapeError::Missing { .. }) => panic!("{}: {error}", path.display()),
    }
}

fn filled(object: &Value) -> Value {
    let text = |key| {
        object
            .get(key)
            .and_then(Value::as_str)
            .expect("a manifest names its kind")
    };
    let kind = Kind::of(text("apiVersion"), text("kind")).expect("a manifest of a workload");
    let mut object = object.into();
    defaults::fill(kind, &mut object);
    object.into()
}

fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/defaults")
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn document(path: &Path) -> Value {
    let mut documents = documents(path);
    assert_eq!(documents.len(), 1, "{} holds one document", path.display());
    documents.remove(0)
}

fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read(path).expect("the file can be read");
    yaml::read(&text)
        .into_iter()
        .filter_map(Result::ok)
        .map(|document| document.tree)
        .collect()
}
