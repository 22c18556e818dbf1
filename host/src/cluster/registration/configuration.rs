//! The object in the cluster.

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingWebhook, ValidatingWebhookConfiguration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{Authority, Trust};
use crate::cluster::certificates::Certificate;
use crate::cluster::{Installation, ownership};
use crate::server::PathSecret;

/// What cert-manager's injector goes by.
const INJECT: &str = "cert-manager.io/inject-ca-from";

/// One that asks for nothing yet.
pub(super) fn blank(installation: &Installation) -> ValidatingWebhookConfiguration {
    ValidatingWebhookConfiguration {
        metadata: ObjectMeta {
            name: Some(installation.name.clone()),
            labels: Some(ownership::labels(installation)),
            ..ObjectMeta::default()
        },
        webhooks: None,
    }
}

/// The namespace of the installation whose it is, where it says so.
pub(super) fn holder(configuration: &ValidatingWebhookConfiguration) -> Option<&str> {
    let labels = configuration.metadata.labels.as_ref()?;
    labels.get(ownership::NAMESPACE).map(String::as_str)
}

/// As it should be. What others added to its labels, annotations and owners is left alone.
pub(super) fn as_wanted(
    mut configuration: ValidatingWebhookConfiguration,
    webhooks: Vec<ValidatingWebhook>,
    owner: Option<OwnerReference>,
    installation: &Installation,
    authority: &Authority,
) -> ValidatingWebhookConfiguration {
    configuration.webhooks = (!webhooks.is_empty()).then_some(webhooks);
    let metadata = &mut configuration.metadata;
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(
        ownership::NAMESPACE.to_owned(),
        installation.namespace.clone(),
    );
    if let Some(owner) = owner {
        let owners = metadata.owner_references.get_or_insert_default();
        owners.retain(|other| (&other.kind, &other.name) != (&owner.kind, &owner.name));
        owners.push(owner);
    }
    if let Authority::Injected(from) = authority {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(INJECT.to_owned(), from.clone());
    }
    configuration
}

/// Whom the API server is to trust. What was injected into one webhook is good for all.
pub(super) fn bundle(
    trust: Trust<'_>,
    configuration: Option<&ValidatingWebhookConfiguration>,
) -> Option<ByteString> {
    match trust {
        Trust::Bundle(pem) => Some(ByteString(pem.as_bytes().to_owned())),
        Trust::AsInjected => bundles(configuration).next().cloned(),
    }
}

/// Whom the API server trusts now.
pub(super) fn trusted(configuration: Option<&ValidatingWebhookConfiguration>) -> Vec<Certificate> {
    let mut trusted = Vec::new();
    for bundle in bundles(configuration) {
        for certificate in Certificate::all(&String::from_utf8_lossy(&bundle.0)) {
            if !trusted.contains(&certificate) {
                trusted.push(certificate);
            }
        }
    }
    trusted
}

/// The secrets in the paths at which the API server calls now.
pub(super) fn paths(configuration: Option<&ValidatingWebhookConfiguration>) -> Vec<PathSecret> {
    let webhooks = configuration.and_then(|configuration| configuration.webhooks.as_ref());
    let services = webhooks.into_iter().flatten();
    let services = services.filter_map(|webhook| webhook.client_config.service.as_ref());
    let paths = services.filter_map(|service| service.path.as_deref());
    paths.filter_map(PathSecret::of_path).collect()
}

/// Puts a bundle in the place of each, and leaves the rest as it is.
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
