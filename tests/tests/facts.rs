//! The cluster as a source, on a real control plane: what policies and rollgate read, and the errors if
//! they may not.

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, Patch, PatchParams, PostParams};
use rollgate::cluster::{ClusterReader, SecretReader};
use rollgate::sources::{
    Access, Cluster as _, KindRef, ListQuery, ObjectRef, Reading, Scope, Secrets as _,
};
use rollgate_model::{ClusterError, ClusterErrorCode};
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::files::Files;
use serde_json::{Value, json};

fn cluster_of(client: kube::Client) -> ClusterReader {
    ClusterReader::new(client.clone(), client)
}

const CONFIG_MAP: KindRef<'_> = KindRef {
    api_version: "v1",
    kind: "ConfigMap",
};

fn flags(namespace: &str) -> ObjectRef<'_> {
    ObjectRef {
        kind: CONFIG_MAP,
        namespace: Some(namespace),
        name: "flags",
    }
}

fn config_maps<'a>(namespace: &'a str, label_selector: &'a str) -> ListQuery<'a> {
    ListQuery {
        kind: CONFIG_MAP,
        scope: Scope::Namespace(namespace),
        label_selector,
    }
}

async fn put(plane: &ControlPlane, namespace: &str, name: &str, data: &str) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(plane.client().await?, namespace);
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "labels": { "of": "tests" } },
        "data": { "is": data },
    });
    let params = PatchParams::apply("tests").force();
    maps.patch(name, &params, &Patch::Apply(&map)).await?;
    Ok(())
}

fn code<T: std::fmt::Debug>(answer: Result<T, ClusterError>) -> ClusterErrorCode {
    answer.expect_err("it should be refused").code
}

#[tokio::test]
#[ignore = "make test"]
async fn object_is_read_without_managed_fields() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    put(plane, &shop, "flags", "one").await?;
    let cluster = cluster_of(plane.client().await?);
    let one = cluster.get(flags(&shop), Reading::Recent).await?;
    let object: Value = serde_json::from_str(&one)?;
    assert_eq!(
        (&object["kind"], &object["data"]["is"]),
        (&json!("ConfigMap"), &json!("one"))
    );
    assert_eq!(object["metadata"]["managedFields"], Value::Null);
    let listed = cluster
        .list(config_maps(&shop, "of=tests"), Reading::Recent)
        .await?;
    assert_eq!(listed, [one], "a list shows an object as `get` does");
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn recent_reading_may_be_cached_and_a_fresh_one_is_not() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    put(plane, &shop, "flags", "one").await?;
    let cluster = cluster_of(plane.client().await?);
    let first = cluster.get(flags(&shop), Reading::Recent).await?;
    put(plane, &shop, "flags", "two").await?;
    assert_eq!(cluster.get(flags(&shop), Reading::Recent).await?, first);
    let fresh = cluster.get(flags(&shop), Reading::Fresh).await?;
    assert!(fresh.contains(r#""is":"two""#), "{fresh}");
    assert_eq!(cluster.get(flags(&shop), Reading::Recent).await?, fresh);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn list_of_several_pages_is_complete_and_sorted() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let maps: Api<ConfigMap> = Api::namespaced(plane.client().await?, &shop);
    for number in (0..230).rev() {
        let map = json!({"metadata": {"name": format!("m-{number:03}"), "labels": {"of": "many"}}});
        maps.create(&PostParams::default(), &serde_json::from_value(map)?)
            .await?;
    }
    let cluster = cluster_of(plane.client().await?);
    let listed = cluster
        .list(config_maps(&shop, "of=many"), Reading::Recent)
        .await?;
    let names: Vec<_> = listed
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).expect("JSON")["metadata"]["name"].clone())
        .collect();
    let expected: Vec<_> = (0..230)
        .map(|number| json!(format!("m-{number:03}")))
        .collect();
    assert_eq!(names, expected);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn each_failure_of_a_read_has_its_own_code() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let cluster = cluster_of(plane.client().await?);
    let get = async |object: ObjectRef<'_>| code(cluster.get(object, Reading::Recent).await);
    let of = |api_version, kind| ObjectRef {
        kind: KindRef { api_version, kind },
        ..flags(&shop)
    };
    assert_eq!(get(flags(&shop)).await, ClusterErrorCode::NotFound);
    assert_eq!(get(of("v1", "Unheard")).await, ClusterErrorCode::NotFound);
    assert_eq!(
        get(of("no.such/v1", "Pod")).await,
        ClusterErrorCode::NotFound
    );
    assert_eq!(get(of("v1", "Secret")).await, ClusterErrorCode::NotGranted);
    assert_eq!(get(of("v1", "Node")).await, ClusterErrorCode::Invalid);
    let without_namespace = ObjectRef {
        namespace: None,
        ..flags(&shop)
    };
    assert_eq!(get(without_namespace).await, ClusterErrorCode::Invalid);
    let climbing = ObjectRef {
        name: "../secrets/token",
        ..flags(&shop)
    };
    assert_eq!(get(climbing).await, ClusterErrorCode::Invalid);
    let odd = cluster.list(config_maps(&shop, "a in ("), Reading::Recent);
    assert_eq!(code(odd.await), ClusterErrorCode::Invalid);
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn read_without_a_right_of_rollgate_names_the_missing_rule() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let shop = plane.namespace("shop").await?;
    let nobody = plane.user("reads-nothing", &[])?;
    let cluster = cluster_of(plane.client_of(&nobody).await?);
    let deployments = ListQuery {
        kind: KindRef {
            api_version: "apps/v1",
            kind: "Deployment",
        },
        ..config_maps(&shop, "")
    };
    let error = cluster
        .list(deployments, Reading::Recent)
        .await
        .unwrap_err();
    assert_eq!(error.code, ClusterErrorCode::Forbidden);
    let rule = r#"lacks the rule `apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", "list"]`, which the chart adds for an entry `{apiGroup: "apps", resource: deployments}` of its value `readableKinds`"#;
    assert!(error.message.contains(rule), "{error}");
    let access = async |cluster: &ClusterReader, kind| {
        let kind = KindRef {
            api_version: "apps/v1",
            kind,
        };
        cluster.access(kind, Scope::Namespace(&shop)).await
    };
    let missing = access(&cluster, "Deployment").await;
    assert!(
        matches!(&missing, Access::Missing(what) if what.contains(rule)),
        "{missing:?}"
    );
    let missing = access(&cluster, "Unheard").await;
    assert!(matches!(missing, Access::Missing(_)), "{missing:?}");
    let admin = cluster_of(plane.client().await?);
    assert_eq!(access(&admin, "Deployment").await, Access::Granted);
    Ok(())
}

const READS_PODS: &str = "
apiVersion: rollgate.dev/v1alpha1
kind: ClusterRolloutPolicy
metadata: {name: reads-deployments}
spec:
  module: {builtin: probes}
  grants: {cluster: [{apiVersion: apps/v1, kind: Deployment}]}
";

#[tokio::test]
#[ignore = "make test"]
async fn policy_granted_more_than_rollgates_rights_is_refused_until_the_right_is_added()
-> Result<()> {
    let plane = ControlPlane::shared().await;
    let system = plane.namespace("gate").await?;
    let name = format!("{system}-reader");
    let kubeconfig = plane.user(&name, &[])?.display().to_string();
    let files = Files::new();
    files.policy(READS_PODS);
    let server = files.serve(&[
        "--cluster",
        "--kubeconfig",
        &kubeconfig,
        "--namespace",
        &system,
    ]);
    let rule = "apiGroups: [\\\"apps\\\"], resources: [\\\"deployments\\\"]";
    server.until("/info", |_, info| info.contains(rule)).await;
    let role = [
        "create",
        "clusterrole",
        &name,
        "--verb=get,list",
        "--resource=deployments.apps",
    ];
    plane.kubectl(role).ok().await?;
    let bind = ["create", "clusterrolebinding", &name];
    let (role, user) = (format!("--clusterrole={name}"), format!("--user={name}"));
    plane.kubectl(bind).args([role, user]).ok().await?;
    server.until("/info", |_, info| !info.contains(rule)).await;
    Ok(())
}

#[tokio::test]
#[ignore = "make test"]
async fn secret_is_read_in_rollgates_namespace_and_a_missing_one_is_named() -> Result<()> {
    let plane = ControlPlane::shared().await;
    let system = plane.namespace("gate").await?;
    let secrets: Api<Secret> = Api::namespaced(plane.client().await?, &system);
    let secret = json!({"metadata": {"name": "prometheus"}, "stringData": {"token": "hunter2"}});
    secrets
        .create(&PostParams::default(), &serde_json::from_value(secret)?)
        .await?;
    let ours = SecretReader::new(plane.client().await?, &system);
    let token = wait_for("the Secret", async || {
        Ok(Some(ours.read("prometheus", "token").await?))
    });
    assert_eq!(token.await?, "hunter2");
    let error_of = async |name, key| ours.read(name, key).await.unwrap_err().to_string();
    assert!(
        error_of("prometheus", "password")
            .await
            .ends_with("has no key `password`")
    );
    assert!(
        error_of("gone", "token")
            .await
            .starts_with("there is no Secret `gone`")
    );
    let nobody = plane.user("reads-nothing", &[])?;
    let shut = SecretReader::new(plane.client_of(&nobody).await?, &system);
    let error = shut
        .read("prometheus", "token")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the chart's value `metricSecrets`"),
        "{error}"
    );
    Ok(())
}
