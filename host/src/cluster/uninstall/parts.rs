//! The objects that an installation consists of.

use std::fmt;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Client, ResourceExt as _};

use crate::cluster::installation::{INSTALLATION_LABEL, Installation};
use crate::cluster::objects::{api_resource, dynamic_api};
use crate::sources::KindRef;

/// The label of everything that is installed.
const NAME: &str = "app.kubernetes.io/name";

/// An object of an installation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    kind: ApiResource,
    namespace: Option<String>,
    pub(super) name: String,
}

impl Part {
    pub(super) fn api(&self, client: &Client) -> Api<DynamicObject> {
        dynamic_api(client, &self.kind, self.namespace.as_deref())
    }

    /// Returns whether an object belongs to rollgate: somebody else's may have the same name. A Lease has no
    /// labels, but nobody else would use its name.
    pub(super) fn is_ours(&self, object: &DynamicObject) -> bool {
        let label = object.labels().get(NAME);
        match self.kind.kind.as_str() {
            "Lease" | "CustomResourceDefinition" => true,
            _ => label.is_some_and(|name| name == "rollgate"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.kind, self.name)
    }
}

/// Returns what the manifests install and what rollgate itself creates, in the order of deletion.
pub(super) fn all(installation: &Installation) -> Vec<Part> {
    let name = &installation.name;
    let here = Some(&installation.namespace);
    let rbac = |kind| ("rbac.authorization.k8s.io/v1", kind);
    let mut parts = vec![
        part(rbac("ClusterRoleBinding"), None, name),
        part(rbac("RoleBinding"), here, name),
        registration(installation),
        binding(&installation.guard_binding()),
        binding(&installation.guard_probe()),
    ];
    let namespaced = [
        ("apps/v1", "Deployment"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
        ("v1", "Service"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("coordination.k8s.io/v1", "Lease"),
        rbac("Role"),
        ("v1", "ServiceAccount"),
    ];
    parts.extend(namespaced.map(|kind| part(kind, here, name)));
    let secrets = [installation.certificates(), installation.webhook_path()];
    parts.extend(secrets.map(|name| part(("v1", "Secret"), here, &name)));
    parts.push(part(
        ("apps/v1", "Deployment"),
        here,
        &installation.guard_probe(),
    ));
    let roles = ["-view", "-admin", "-break-glass", ""];
    parts.extend(roles.map(|suffix| part(rbac("ClusterRole"), None, &format!("{name}{suffix}"))));
    parts
}

/// Returns the ValidatingWebhookConfiguration.
pub(super) fn registration(installation: &Installation) -> Part {
    let kind = (
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
    );
    part(kind, None, &installation.name)
}

fn binding(name: &str) -> Part {
    let kind = (
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicyBinding",
    );
    part(kind, None, name)
}

/// Returns the policies of the guard of revisions. Their names contain digests, so they are found by label.
pub(super) async fn guards(
    client: &Client,
    installation: &Installation,
) -> kube::Result<Vec<Part>> {
    let kind = (
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
    );
    let label = format!("{}={}", INSTALLATION_LABEL, installation.name);
    let all = part(kind, None, "").api(client);
    let found = all
        .list_metadata(&ListParams::default().labels(&label))
        .await?;
    let guards = found
        .iter()
        .map(|found| part(kind, None, &found.name_any()));
    Ok(guards.collect())
}

/// Returns the definition of one of rollgate's kinds.
pub(super) fn definition(definition: &CustomResourceDefinition) -> Part {
    let kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    part(kind, None, &definition.name_any())
}

/// Returns the resource that a definition defines.
pub(super) fn kind_of(definition: &CustomResourceDefinition) -> ApiResource {
    let spec = &definition.spec;
    let version = spec.versions.first();
    let version = version.map_or("v1alpha1", |version| version.name.as_str());
    let kind = GroupVersionKind::gvk(&spec.group, version, &spec.names.kind);
    ApiResource::from_gvk_with_plural(&kind, &spec.names.plural)
}

fn part((api_version, kind): (&str, &str), namespace: Option<&String>, name: &str) -> Part {
    Part {
        kind: api_resource(KindRef { api_version, kind }),
        namespace: namespace.cloned(),
        name: name.to_owned(),
    }
}
