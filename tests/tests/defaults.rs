//! The defaults that rollgate fills in, held against those of the real API server: what `check` sees
//! of a manifest is what the webhook is sent.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use kube::Resource as _;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use rollgate_model::{Kind, Workload};
use rollgate_tests::control_plane::ControlPlane;
use rollgate_tests::corpus::corpus;
use rollgate_tests::report::say;
use rollgate_yaml as yaml;
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "make test"]
async fn defaults_are_filled_as_the_api_server_does() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("defaults");
    let held = hold(&folder).await?;
    assert_eq!(held.refused, Vec::<String>::new());
    assert!(held.alike >= 12, "{} objects", held.alike);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn foreign_manifests_get_the_defaults_of_the_api_server() -> Result<()> {
    let Some(corpus) = corpus() else {
        return Ok(());
    };
    let held = hold(&corpus.join("manifests")).await?;
    say(&format!(
        "{} alike, {} refused",
        held.alike,
        held.refused.len()
    ));
    assert!(held.alike > 110, "{} objects", held.alike);
    Ok(())
}

/// How many objects the API server made of manifests as rollgate does, and what it refused.
struct Held {
    alike: usize,
    refused: Vec<String>,
}

async fn hold(folder: &Path) -> Result<Held> {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("defaults").await?;
    let client = plane.client().await?;
    let (mut held, mut wrong) = (
        Held {
            alike: 0,
            refused: Vec::new(),
        },
        Vec::new(),
    );
    let workloads = workloads(folder);
    for (file, kind, tree) in workloads {
        let shown = file.strip_prefix(folder)?.display().to_string();
        let title = format!("{shown}: {kind} {}", tree["metadata"]["name"]);
        let made = match dry_run(client.clone(), &namespace, kind, tree.clone()).await {
            Ok(made) => made,
            Err(kube::Error::Api(status)) => {
                held.refused.push(format!("{title}: {}", status.message));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Ok(ours) = Workload::parse(tree, Some(&namespace)) else {
            continue;
        };
        let mut found = Vec::new();
        differences(
            "",
            &Value::from(ours.tree())["spec"],
            &made["spec"],
            &mut found,
        );
        let again = Workload::parse(made.clone(), None)?;
        differences(
            "(once more) ",
            &Value::from(again.tree())["spec"],
            &made["spec"],
            &mut found,
        );
        found.retain(|difference| !is_allocated(kind, difference));
        if found.is_empty() {
            held.alike += 1;
        } else {
            wrong.push(format!("{title}\n  {}", found.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(held)
}

async fn dry_run(
    client: kube::Client,
    namespace: &str,
    kind: Kind,
    mut tree: Value,
) -> Result<Value, kube::Error> {
    let (group, version) = kind.api_version().split_once('/').unwrap_or(("", "v1"));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind.as_str()));
    tree["metadata"]["namespace"] = namespace.into();
    // Strictly: a field that the API does not know is refused, and not dropped in silence.
    let path = DynamicObject::url_path(&resource, Some(namespace));
    let request = hyper::Request::post(format!("{path}?dryRun=All&fieldValidation=Strict"))
        .header("content-type", "application/json")
        .body(serde_json::to_vec(&tree).expect("JSON"))
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}

/// Every workload of the kinds that a cluster has by itself, with the file it stands in.
fn workloads(folder: &Path) -> Vec<(PathBuf, Kind, Value)> {
    let mut files = Vec::new();
    find(folder, &mut files);
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let documents = files.into_iter().flat_map(|file| {
        let text = fs::read(&file).expect("a file");
        let read = yaml::read(&text).into_iter().filter_map(Result::ok);
        let trees: Vec<_> = read.map(|document| document.tree).collect();
        trees.into_iter().map(move |tree| (file.clone(), tree))
    });
    documents
        .filter_map(|(file, tree)| {
            let kind = Kind::of(tree["apiVersion"].as_str()?, tree["kind"].as_str()?)?;
            (kind != Kind::Rollout).then(|| (file, kind, complete(kind, tree)))
        })
        .collect()
}

/// Linters are tested with less than the API server takes: a name and a selector for the Pods are
/// added, neither of which has a default.
fn complete(kind: Kind, mut tree: Value) -> Value {
    if tree["metadata"]["name"].as_str().is_none_or(str::is_empty) {
        tree["metadata"]["name"] = "nameless".into();
    }
    if kind != Kind::Service && tree["spec"]["template"].is_object() {
        let labels = &mut tree["spec"]["template"]["metadata"]["labels"];
        if !labels.is_object() {
            *labels = json!({ "app": "nameless" });
        }
        tree["spec"]["selector"] = json!({ "matchLabels": labels });
    }
    tree
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension {
            _ if path.is_dir() => find(&path, files),
            Some("yaml" | "yml") => files.push(path),
            _ => {}
        }
    }
}

/// What two trees differ in: ours, then the API server's.
fn differences(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(one), Value::Object(other)) => {
            let keys = one
                .keys()
                .chain(other.keys().filter(|key| !one.contains_key(*key)));
            for key in keys {
                let (one, other) = (&ours[key.as_str()], &theirs[key.as_str()]);
                differences(&format!("{at}/{key}"), one, other, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differences(&format!("{at}/{index}"), one, other, found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(format!(
            "{at}: rollgate has {ours}, the API server {theirs}"
        )),
    }
}

/// What the API server gives a Service out of its own stock.
fn is_allocated(kind: Kind, difference: &str) -> bool {
    const ALLOCATED: [&str; 5] = [
        "clusterIP",
        "ipFamil",
        "nodePort",
        "healthCheckNodePort",
        "ports/0/nodePort",
    ];
    kind == Kind::Service && ALLOCATED.iter().any(|field| difference.contains(field))
}
