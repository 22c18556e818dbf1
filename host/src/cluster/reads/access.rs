//! What the host itself may read, by a SelfSubjectAccessReview.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};
use rollgate_model::ClusterErrorCode;

use super::discovery::{Discovery, Resource};
use super::failure::Failure;
use crate::sources::{Access, KindRef};

/// Both are needed: a guest may ask for one object or for all.
const VERBS: [&str; 2] = ["get", "list"];

pub(super) async fn of(client: &Client, discovery: &Discovery, kind: KindRef<'_>) -> Access {
    let KindRef {
        api_version,
        kind,
        namespace,
    } = kind;
    let resource = match discovery.resource(api_version, kind).await {
        Ok(resource) => resource,
        Err(error) if error.code == ClusterErrorCode::NotFound => {
            return Access::Missing(error.message);
        }
        Err(error) => return Access::Unknown(error.message),
    };
    if !resource.is_namespaced() && namespace.is_some() {
        return Access::Missing(format!(
            "a {kind} belongs to no namespace, so a grant for namespaces never opens it"
        ));
    }
    for verb in VERBS {
        match may(client, &resource, verb, namespace).await {
            Ok(true) => {}
            Ok(false) => {
                return Access::Missing(format!(
                    "rollgate itself may not {verb} {}; {}",
                    resource.plural,
                    resource.missing_rule()
                ));
            }
            Err(failure) => return Access::Unknown(failure.to_string()),
        }
    }
    Access::Granted
}

async fn may(
    client: &Client,
    resource: &Resource,
    verb: &str,
    namespace: Option<&str>,
) -> Result<bool, Failure> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(resource.group.clone()),
                resource: Some(resource.plural.clone()),
                verb: Some(verb.to_owned()),
                namespace: namespace.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
