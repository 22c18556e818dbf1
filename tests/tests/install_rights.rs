//! What the chart lets rollgate do, and what it lets people do, by the word of a real API server.

use anyhow::{Context as _, Result};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::{Api, PostParams};
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use tokio::sync::OnceCell;

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/chart");

const ROLLGATE: &str = "system:serviceaccount:gates:rollgate";

// A request is written as a verb, a resource with its group and subresource, a namespace and a name.
// Without a namespace, or with `-`, it is for all of them, or for what has none; without a name, for
// any.

/// All that the code asks the API server for; its tests on a real one hold that.
const WORK: [&str; 40] = [
    "list rolloutpolicies.rollgate.dev",
    "watch rolloutpolicies.rollgate.dev",
    "watch clusterrolloutpolicies.rollgate.dev",
    "watch metricsources.rollgate.dev",
    "watch rolloutoverrides.rollgate.dev",
    "get rolloutoverrides.rollgate.dev shop outage",
    "patch rolloutpolicies.rollgate.dev/status shop probes",
    "patch clusterrolloutpolicies.rollgate.dev/status - probes",
    "patch metricsources.rollgate.dev/status - prometheus",
    "patch rolloutoverrides.rollgate.dev/status shop outage",
    "list replicasets.apps shop",
    "list controllerrevisions.apps shop",
    "list configmaps",
    "get configmaps shop flags",
    "create events.events.k8s.io shop",
    "patch events.events.k8s.io shop cart",
    "create validatingwebhookconfigurations.admissionregistration.k8s.io",
    "update validatingwebhookconfigurations.admissionregistration.k8s.io - rollgate",
    "watch validatingwebhookconfigurations.admissionregistration.k8s.io - rollgate",
    "watch customresourcedefinitions.apiextensions.k8s.io - rollouts.argoproj.io",
    "create validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "update validatingadmissionpolicybindings.admissionregistration.k8s.io - rollgate-revisions",
    "delete validatingadmissionpolicybindings.admissionregistration.k8s.io - rollgate-revisions-probe",
    "get clusterroles.rbac.authorization.k8s.io - rollgate",
    "create leases.coordination.k8s.io gates",
    "patch leases.coordination.k8s.io gates rollgate",
    "create secrets gates",
    "watch secrets gates rollgate-certificates",
    "update secrets gates rollgate-certificates",
    "watch secrets gates rollgate-webhook-path",
    "update secrets gates rollgate-webhook-path",
    "get deployments.apps shop cart",
    "get statefulsets.apps shop cart",
    "get rollouts.argoproj.io shop cart",
    "get services shop cart",
    "get secrets gates prometheus",
    "get deployments.apps gates rollgate",
    "list endpointslices.discovery.k8s.io gates",
    "watch deployments.apps gates rollgate",
    "delete replicasets.apps gates",
];

const TOO_MUCH: [&str; 30] = [
    "get secrets shop password",
    "get secrets gates password",
    "list secrets",
    "list secrets gates",
    "update secrets gates prometheus",
    "delete secrets gates rollgate-certificates",
    "delete secrets gates rollgate-webhook-path",
    "create secrets shop",
    "patch rolloutpolicies.rollgate.dev shop probes",
    "create clusterrolloutpolicies.rollgate.dev",
    "create rolloutoverrides.rollgate.dev shop",
    "delete rolloutoverrides.rollgate.dev shop outage",
    "update deployments.apps shop cart",
    "list deployments.apps shop",
    "list pods shop",
    "watch replicasets.apps",
    "watch configmaps",
    "update validatingwebhookconfigurations.admissionregistration.k8s.io - another",
    "list validatingwebhookconfigurations.admissionregistration.k8s.io",
    "update validatingadmissionpolicybindings.admissionregistration.k8s.io - another",
    "update validatingadmissionpolicies.admissionregistration.k8s.io",
    "delete replicasets.apps shop",
    "update deployments.apps gates rollgate-revisions-probe",
    "create replicasets.apps gates",
    "create mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "get customresourcedefinitions.apiextensions.k8s.io - rolloutpolicies.rollgate.dev",
    "bind clusterroles.rbac.authorization.k8s.io - rollgate",
    "create leases.coordination.k8s.io kube-system",
    "update leases.coordination.k8s.io gates another",
    "create serviceaccounts/token gates rollgate",
];

#[tokio::test]
#[ignore = "make test"]
async fn rollgate_has_the_rights_that_it_needs_and_no_more() -> Result<()> {
    let plane = installed().await;
    let mut wrong = Vec::new();
    for (requests, expected) in [(&WORK[..], true), (&TOO_MUCH, false)] {
        for request in requests {
            if may(plane, ROLLGATE, request).await? != expected {
                wrong.push(format!("{request} should be {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Who is bound to which ClusterRole in the namespace `shop`, and what follows for the verbs on
/// RolloutPolicies and RolloutOverrides there.
#[tokio::test]
#[ignore = "make test"]
async fn only_the_break_glass_role_may_create_overrides() -> Result<()> {
    const WRITE_POLICY: &str = "create rolloutpolicies.rollgate.dev shop";
    const DELETE_POLICY: &str = "delete rolloutpolicies.rollgate.dev shop probes";
    const READ_OVERRIDE: &str = "list rolloutoverrides.rollgate.dev shop";
    const BREAK_GLASS: &str = "create rolloutoverrides.rollgate.dev shop";
    const CHANGE_RECORD: &str = "patch rolloutoverrides.rollgate.dev shop outage";
    const CLEAR_RECORD: &str = "delete rolloutoverrides.rollgate.dev shop outage";
    let cases = [
        ("view", &[READ_OVERRIDE][..]),
        ("edit", &[READ_OVERRIDE]),
        ("admin", &[READ_OVERRIDE, WRITE_POLICY, DELETE_POLICY]),
        ("rollgate-break-glass", &[READ_OVERRIDE, BREAK_GLASS]),
    ];
    let plane = installed().await;
    for (role, expected) in cases {
        let binding = ["create", "rolebinding", role, "--namespace=shop"];
        let binding = plane.kubectl(binding).arg(format!("--clusterrole={role}"));
        binding.arg(format!("--user={role}")).ok().await?;
        wait_for("what is added to the cluster's roles", async || {
            for request in expected {
                if !may(plane, role, request).await? {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await?;
        for request in [
            READ_OVERRIDE,
            WRITE_POLICY,
            DELETE_POLICY,
            BREAK_GLASS,
            CHANGE_RECORD,
            CLEAR_RECORD,
        ] {
            let allowed = may(plane, role, request).await?;
            assert_eq!(allowed, expected.contains(&request), "{role}: {request}");
        }
    }
    Ok(())
}

/// A control plane with the chart in the namespace `gates`, and a namespace `shop`.
async fn installed() -> &'static ControlPlane {
    static INSTALLED: OnceCell<&ControlPlane> = OnceCell::const_new();
    let install = async || {
        let plane = ControlPlane::shared().await;
        let shop = ["create", "namespace", "shop"];
        plane.kubectl(shop).ok().await.expect("a namespace");
        let install = [
            "install",
            "rollgate",
            CHART,
            "--namespace=gates",
            "--create-namespace",
        ];
        let install = plane.helm(install).args([
            "--set=metricSecrets[0]=prometheus",
            r#"--set-json=readableKinds=[{"apiGroup":"","resource":"configmaps"}]"#,
        ]);
        install.ok().await.expect("an installation");
        plane
    };
    INSTALLED.get_or_init(install).await
}

/// Whether the API server would let a user do this.
async fn may(plane: &ControlPlane, user: &str, request: &str) -> Result<bool> {
    let mut words = request
        .split(' ')
        .map(|word| if word == "-" { "" } else { word });
    let mut word = || words.next().unwrap_or_default();
    let (verb, resource, namespace, name) = (word(), word(), word(), word());
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let given = |text: &str| Some(text.to_owned());
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: given(user),
            resource_attributes: Some(ResourceAttributes {
                verb: given(verb),
                group: given(group),
                resource: given(resource),
                subresource: given(subresource),
                namespace: given(namespace),
                name: given(name),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let reviews: Api<SubjectAccessReview> = Api::all(plane.client().await?);
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.context("no answer")?.allowed)
}
