//! `rollgate manifests`: what the Helm chart installs, for installations without Helm.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use rollgate_yaml as yaml;
use serde_json::{Value, json};

use super::{Exit, installation, output};
use crate::cluster::crd;

/// What the chart renders by default, without the custom resource definitions. A test compares it with the
/// output of Helm.
const RENDERED: &str = include_str!("../../../deploy/manifests.yaml");

/// Print what installs rollgate without Helm, for `kubectl apply --server-side --filename=-`
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The namespace to install into; it is part of the output
    #[arg(long, short, value_name = "NAME", default_value = "rollgate-system", value_parser = installation::namespace)]
    namespace: String,
    /// The image, such as one in a registry of your own; by default that of this version
    #[arg(long, value_name = "REFERENCE", value_parser = image)]
    image: Option<String>,
    /// How many replicas; by default two
    #[arg(long, value_name = "NUMBER")]
    replicas: Option<NonZeroU32>,
}

/// Runs the command.
///
/// # Errors
/// If the output cannot be written.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut objects = vec![namespace_object(&args.namespace)];
    for definition in crd::definitions() {
        objects.push(serde_json::to_value(definition)?);
    }
    objects.extend(rendered().map(|object| args.with_args(object)));
    output::settle(Exit::Success, output::text(&printed(&objects)?))
}

fn printed(objects: &[Value]) -> anyhow::Result<String> {
    let mut text = String::new();
    for object in objects {
        write!(text, "---\n{}", serde_saphyr::to_string(object)?)?;
    }
    Ok(text)
}

fn rendered() -> impl Iterator<Item = Value> {
    let documents = yaml::read(RENDERED.as_bytes()).into_iter();
    let trees = documents.map(|document| document.expect("a test reads them").tree);
    trees.filter(|tree| !tree.is_null())
}

/// Returns the Namespace, in which Kubernetes refuses Pods with more privileges than rollgate needs.
fn namespace_object(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
        },
    })
}

impl Args {
    /// Replaces the defaults by the arguments.
    fn with_args(&self, mut object: Value) -> Value {
        let namespaces = ["/metadata/namespace", "/subjects/0/namespace"];
        for pointer in namespaces {
            replace(&mut object, pointer, Some(self.namespace.as_str()));
        }
        if object["kind"] == "Deployment" {
            let image = "/spec/template/spec/containers/0/image";
            replace(&mut object, image, self.image.as_deref());
            replace(
                &mut object,
                "/spec/replicas",
                self.replicas.map(NonZeroU32::get),
            );
        }
        object
    }
}

fn replace(object: &mut Value, pointer: &str, with: Option<impl Into<Value>>) {
    if let (Some(place), Some(with)) = (object.pointer_mut(pointer), with) {
        *place = with.into();
    }
}

/// Parses the reference of an image.
fn image(text: &str) -> Result<String, &'static str> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("an image such as registry.example/rollgate:1.2.0 is expected")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(namespace: &str, image: Option<&str>, replicas: Option<u32>) -> Args {
        Args {
            namespace: namespace.to_owned(),
            image: image.map(str::to_owned),
            replicas: replicas.and_then(NonZeroU32::new),
        }
    }

    #[test]
    fn namespace_argument_replaces_the_default_everywhere() {
        let args = args("gates", None, None);
        let objects: Vec<_> = rendered().map(|object| args.with_args(object)).collect();
        let text = json!(objects).to_string();
        assert!(text.contains(r#""namespace":"gates""#));
        assert!(!text.contains("rollgate-system"), "{text}");
    }

    #[test]
    fn image_and_replicas_arguments_replace_the_defaults() {
        let args = args("gates", Some("local/rollgate:2"), Some(5));
        let deployment = rendered()
            .map(|object| args.with_args(object))
            .find(|object| object["kind"] == "Deployment")
            .expect("a Deployment");
        assert_eq!(deployment["spec"]["replicas"], 5);
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], "local/rollgate:2");
    }

    #[test]
    fn image_and_replicas_default_to_those_of_the_chart() {
        let args = args("rollgate-system", None, None);
        for object in rendered() {
            assert_eq!(args.with_args(object.clone()), object);
        }
    }

    #[test]
    fn printed_manifests_parse_to_the_same_objects() {
        let objects: Vec<_> = rendered().collect();
        assert!(objects.len() > 5);
        let text = printed(&objects).expect("objects are YAML");
        let read = yaml::read(text.as_bytes()).into_iter();
        let read: Vec<_> = read.map(|document| document.expect("YAML").tree).collect();
        assert_eq!(read, objects);
    }

    #[test]
    fn image_with_a_space_is_refused() {
        assert!(image("r.example:5000/rollgate@sha256:00").is_ok());
        for text in ["", "a b", "a\nb"] {
            assert!(image(text).is_err(), "{text:?}");
        }
    }
}
