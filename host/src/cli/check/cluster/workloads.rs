//! Lists the workloads in a cluster.

use std::sync::Arc;

use anyhow::Context as _;
use kube::Client;
use kube::api::{DynamicObject, ListParams};
use rollgate_model::{Kind, Workload};
use rollgate_yaml as yaml;
use serde_json::Value;

use super::super::manifests::{Manifest, Origin};
use crate::admission::referred_template;
use crate::cluster::{api_resource, dynamic_api};
use crate::config::Problem;
use crate::sources::Cluster;

/// The workloads that were found.
pub(super) struct Workloads {
    pub(super) found: Vec<Live>,
    /// The kinds that could not be listed.
    pub(super) problems: Vec<Problem>,
}

impl Workloads {
    /// Returns the problem that nothing was found, as in a namespace whose name is misspelled.
    pub(super) fn nothing(&self, namespace: Option<&str>) -> Option<Problem> {
        let place = match namespace {
            Some(namespace) => format!("the namespace {namespace}"),
            None => "this cluster".to_owned(),
        };
        let nothing = self.found.is_empty() && self.problems.is_empty();
        nothing.then(|| {
            Problem::of_file(
                &place.into(),
                "no workload is here, so nothing was evaluated",
            )
            .hint("name another namespace, or say with --allow-empty that there may be none")
        })
    }
}

/// A workload as the API server has it, without `managedFields`.
pub(super) struct Live {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    tree: Value,
}

/// Without Services: of a Service only a change of its selector counts.
const KINDS: [Kind; 4] = [
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Rollout,
];

/// How many objects one page holds.
const PAGE: u32 = 200;

/// Lists the workloads of one namespace or of all.
///
/// # Errors
/// None of the kinds could be listed.
pub(super) async fn list(client: &Client, namespace: Option<&str>) -> anyhow::Result<Workloads> {
    let mut workloads = Workloads {
        found: Vec::new(),
        problems: Vec::new(),
    };
    for kind in KINDS {
        match of_kind(client, kind, namespace).await {
            Ok(found) => workloads.found.extend(found),
            // The kind of Argo is there where its CRD is.
            Err(kube::Error::Api(status)) if status.code == 404 && kind == Kind::Rollout => {}
            Err(kube::Error::Api(status)) => {
                let problem = Problem::of_file(&format!("{kind}s").into(), status.message.as_str());
                let hint = "they are left out; this takes the right to list them";
                workloads.problems.push(problem.hint(hint));
            }
            Err(error) => return Err(error).context("the API server cannot be asked"),
        }
    }
    Ok(workloads)
}

async fn of_kind(
    client: &Client,
    kind: Kind,
    namespace: Option<&str>,
) -> Result<Vec<Live>, kube::Error> {
    let api = dynamic_api(client, &api_resource(kind.into()), namespace);
    let mut params = ListParams::default().limit(PAGE);
    let mut found = Vec::new();
    loop {
        let page = api.list(&params).await?;
        found.extend(page.items.into_iter().map(|object| Live::of(kind, object)));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(found),
        }
    }
}

impl Live {
    fn of(kind: Kind, mut object: DynamicObject) -> Self {
        object.metadata.managed_fields = None;
        let mut tree = object.data;
        tree["apiVersion"] = kind.api_version().into();
        tree["kind"] = kind.as_str().into();
        tree["metadata"] =
            serde_json::to_value(&object.metadata).expect("metadata is maps with string keys");
        Self {
            kind,
            namespace: object.metadata.namespace.unwrap_or_default(),
            name: object.metadata.name.unwrap_or_default(),
            tree,
        }
    }

    pub(super) fn title(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// Returns whether the template is in the object itself.
    pub(super) fn has_template(&self) -> bool {
        self.tree
            .pointer("/spec/workloadRef")
            .is_none_or(Value::is_null)
    }

    /// Copies the Pod template from the object that `spec.workloadRef` names.
    ///
    /// # Errors
    /// That object cannot be read.
    pub(super) async fn with_referred_template(
        mut self,
        cluster: &dyn Cluster,
    ) -> Result<Self, Problem> {
        if self.has_template() {
            return Ok(self);
        }
        match self.referred_template(cluster).await {
            Ok(template) => {
                self.tree["spec"]["template"] = template;
                Ok(self)
            }
            Err(why) => {
                let place = format!("{} in the cluster", self.title());
                let message = format!("its Pod template cannot be read: {why}");
                Err(Problem::of_file(&place.into(), message))
            }
        }
    }

    async fn referred_template(&self, cluster: &dyn Cluster) -> Result<Value, String> {
        let rollout =
            Workload::parse(self.tree.clone(), None).map_err(|error| error.to_string())?;
        let reference = rollout.template_ref().ok_or("it names no object")?;
        referred_template(cluster, reference).await.map(Value::from)
    }

    /// Formats the object as a manifest, so that findings point at its lines.
    pub(super) fn manifest(self) -> anyhow::Result<Manifest> {
        let file = format!("{} in the cluster", self.title());
        let text = serde_saphyr::to_string(&self.tree)?;
        let document = yaml::read(text.as_bytes())
            .pop()
            .context("an object is one document")?
            .context("what was written is YAML")?;
        Ok(Manifest {
            kind: self.kind,
            tree: document.tree,
            origin: Origin {
                file: Arc::from(file),
                spans: document.spans,
            },
        })
    }
}
