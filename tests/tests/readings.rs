//! The same texts to kubectl and to rollgate's reader: what is checked is what a cluster would get.

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rollgate_tests::control_plane::Tool;
use rollgate_yaml as yaml;
use serde_json::Value;

const CASES: &str = include_str!("readings/cases.yaml");

/// A text, and who is known to refuse it.
struct Case {
    text: String,
    kubectl: Expected,
    rollgate: Expected,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Reads,
    Refuses,
    /// Reads what the other drops, too.
    ReadsMore,
}

/// The annotation that makes kubectl show what it has read.
const MARK: &str = "tests.rollgate.dev/read";

#[tokio::test]
#[ignore = "make test"]
async fn rollgate_reads_manifests_as_kubectl_does() -> Result<()> {
    let cases = yaml::read(CASES.as_bytes()).remove(0)?.tree;
    let cases = cases.as_array().context("a list of cases")?;
    let cases: Vec<_> = cases.iter().map(Case::of).collect::<Result<_>>()?;
    ensure!(cases.len() > 60, "only {} cases", cases.len());
    let mut differing = Vec::new();
    for case in &cases {
        let text = &case.text;
        let (kubectl, rollgate) = (by_kubectl(text).await?, by_rollgate(text));
        let as_expected = case.kubectl.holds(kubectl.as_ref())
            && match (&kubectl, case.rollgate) {
                (Some(read), Expected::Reads) => rollgate.as_ref() == Some(read),
                (Some(_), Expected::Refuses) => rollgate.is_none(),
                (Some(read), Expected::ReadsMore) => rollgate
                    .as_ref()
                    .is_some_and(|all| all.len() > read.len() && all.starts_with(read)),
                (None, _) => true,
            };
        if !as_expected {
            differing.push(format!(
                "{text:?}\n  kubectl:  {kubectl:?}\n  rollgate: {rollgate:?}"
            ));
        }
    }
    ensure!(
        differing.is_empty(),
        "{} of {} texts:\n{}",
        differing.len(),
        cases.len(),
        differing.join("\n")
    );
    Ok(())
}

impl Case {
    /// Reads a case: its `text`, or the `data` of a ConfigMap.
    fn of(case: &Value) -> Result<Self> {
        let word = |field: &str| case.get(field).and_then(Value::as_str);
        let text = match (word("text"), word("data")) {
            (Some(text), None) => text.to_owned(),
            (None, Some(data)) => {
                let head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: ";
                format!("{head}{data}\n")
            }
            _ => bail!("{case} has neither `text` nor `data`, or both"),
        };
        let expected = |who: &str| match word(who) {
            None => Ok(Expected::Reads),
            Some("refuses") => Ok(Expected::Refuses),
            Some("more") => Ok(Expected::ReadsMore),
            Some(other) => Err(anyhow!("{case}: {other}")),
        };
        Ok(Self {
            text,
            kubectl: expected("kubectl")?,
            rollgate: expected("rollgate")?,
        })
    }
}

impl Expected {
    fn holds(self, read: Option<&Vec<Value>>) -> bool {
        read.is_some() == (self == Self::Reads)
    }
}

/// The objects that kubectl reads; `None` where it refuses one.
async fn by_kubectl(text: &str) -> Result<Option<Vec<Value>>> {
    let mark = format!("{MARK}=");
    let arguments = [
        "annotate",
        "--local",
        "--output=json",
        "--filename=-",
        &mark,
    ];
    let output = Tool::kubectl_alone()?
        .args(arguments)
        .input(text)
        .run()
        .await?;
    if !output.status.success() {
        return Ok(None);
    }
    let objects = serde_json::Deserializer::from_str(&output.stdout).into_iter();
    let objects: Result<Vec<Value>, _> = objects.collect();
    let objects = objects.with_context(|| output.stdout.clone())?;
    Ok(Some(objects.into_iter().map(unmarked).collect()))
}

/// An object without the annotation, and without what held nothing else.
fn unmarked(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut();
    let metadata = metadata.expect("what is annotated has metadata");
    let annotations = metadata["annotations"].as_object_mut().expect("the mark");
    annotations.remove(MARK);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    let bare = metadata.is_empty();
    if bare && let Some(object) = object.as_object_mut() {
        object.remove("metadata");
    }
    object
}

/// The objects that rollgate reads; `None` where it refuses one.
fn by_rollgate(text: &str) -> Option<Vec<Value>> {
    let mut objects = Vec::new();
    for document in yaml::read(text.as_bytes()) {
        for object in rollgate_model::objects(document.ok()?) {
            objects.push(object.ok()?.tree);
        }
    }
    Some(objects)
}
