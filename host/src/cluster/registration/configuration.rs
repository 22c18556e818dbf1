//! The fields of a ValidatingWebhookConfiguration.

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingWebhook, ValidatingWebhookConfiguration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{Authority, Trust};
use crate::cluster::certificates::Certificate;
use crate::cluster::installation::{Installation, NAMESPACE_LABEL};
use crate::server::PathSecret;

/// The annotation that tells cert-manager's injector which CAs to write.
const INJECT_ANNOTATION: &str = "cert-manager.io/inject-ca-from";

/// Returns a configuration without webhooks.
pub(super) fn empty(installation: &Installation) -> ValidatingWebhookConfiguration {
    ValidatingWebhookConfiguration {
        metadata: ObjectMeta {
            name: Some(installation.name.clone()),
            labels: Some(installation.labels()),
            ..ObjectMeta::default()
        },
        webhooks: None,
    }
}

/// Returns the namespace of the installation that it belongs to, if it is labelled.
pub(super) fn owner_namespace(configuration: &ValidatingWebhookConfiguration) -> Option<&str> {
    let labels = configuration.metadata.labels.as_ref()?;
    labels.get(NAMESPACE_LABEL).map(String::as_str)
}

/// Sets webhooks, owner and annotations. Labels, annotations and owners of others stay.
pub(super) fn with_webhooks(
    mut configuration: ValidatingWebhookConfiguration,
    webhooks: Vec<ValidatingWebhook>,
    owner: Option<OwnerReference>,
    installation: &Installation,
    authority: &Authority,
) -> ValidatingWebhookConfiguration {
    configuration.webhooks = (!webhooks.is_empty()).then_some(webhooks);
    let metadata = &mut configuration.metadata;
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(NAMESPACE_LABEL.to_owned(), installation.namespace.clone());
    if let Some(owner) = owner {
        let owners = metadata.owner_references.get_or_insert_default();
        owners.retain(|other| (&other.kind, &other.name) != (&owner.kind, &owner.name));
        owners.push(owner);
    }
    if let Authority::Injected(from) = authority {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(INJECT_ANNOTATION.to_owned(), from.clone());
    }
    configuration
}

/// Returns the CA bundle for all webhooks. One that was injected into a single webhook counts for all.
pub(super) fn bundle(
    trust: Trust<'_>,
    configuration: Option<&ValidatingWebhookConfiguration>,
) -> Option<ByteString> {
    match trust {
        Trust::Bundle(pem) => Some(ByteString(pem.as_bytes().to_owned())),
        Trust::AsInjected => bundles(configuration).next().cloned(),
    }
}

/// Returns the CAs that the API server trusts now.
pub(super) fn trusted(configuration: Option<&ValidatingWebhookConfiguration>) -> Vec<Certificate> {
    let mut trusted = Vec::new();
    for bundle in bundles(configuration) {
        for certificate in Certificate::parse_all(&String::from_utf8_lossy(&bundle.0)) {
            if !trusted.contains(&certificate) {
                trusted.push(certificate);
            }
        }
    }
    trusted
}

/// Returns the secrets in the paths that the API server calls now.
pub(super) fn paths(configuration: Option<&ValidatingWebhookConfiguration>) -> Vec<PathSecret> {
    let webhooks = configuration.and_then(|configuration| configuration.webhooks.as_ref());
    let services = webhooks.into_iter().flatten();
    let services = services.filter_map(|webhook| webhook.client_config.service.as_ref());
    let paths = services.filter_map(|service| service.path.as_deref());
    paths.filter_map(PathSecret::of_path).collect()
}

/// Replaces the CA bundle of each webhook.
pub(super) fn with_bundle(
    webhooks: Option<&Vec<ValidatingWebhook>>,
    bundle: Option<&ByteString>,
) -> Vec<ValidatingWebhook> {
    let mut webhooks = webhooks.cloned().unwrap_or_default();
    for webhook in &mut webhooks {
        if let Some(bundle) = bundle {
            webhook.client_config.ca_bundle = Some(bundle.clone());
        }
    }
    webhooks
}

fn bundles(
    configuration: Option<&ValidatingWebhookConfiguration>,
) -> impl Iterator<Item = &ByteString> {
    let webhooks = configuration.and_then(|configuration| configuration.webhooks.as_ref());
    let bundles = webhooks
        .into_iter()
        .flatten()
        .filter_map(|webhook| webhook.client_config.ca_bundle.as_ref());
    bundles.filter(|bundle| !bundle.0.is_empty())
}
