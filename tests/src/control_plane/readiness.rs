//! When a control plane has come up.

use anyhow::{Result, bail};
use futures_util::future::select_all;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::api::{Api, PostParams};
use serde_json::json;

use super::access::{Access, client, get};
use super::wait_for;
use crate::keeper::Kept;

/// The only node, with room for every Pod.
const NODE: &str = "node-0";

/// Waits until the API server answers.
pub(super) async fn api_server(access: &Access, api_server: &mut Kept) -> Result<()> {
    let client = client(&access.kubeconfig("admin")).await?;
    let ready = wait_for("the API server", async || {
        get(&client, "/readyz").await?;
        Ok(Some(()))
    });
    while_running(std::slice::from_mut(api_server), ready).await
}

/// Makes a node, and waits until it and a namespace are ready for Pods.
pub(super) async fn pods(access: &Access, programs: &mut [Kept]) -> Result<()> {
    let client = client(&access.kubeconfig("admin")).await?;
    let nodes: Api<Node> = Api::all(client.clone());
    let node = serde_json::from_value(json!({ "metadata": { "name": NODE } }))?;
    nodes.create(&PostParams::default(), &node).await?;
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client);
    let ready = wait_for("a node and a service account", async || {
        let ready = is_ready(&nodes.get(NODE).await?);
        Ok((ready && accounts.get_opt("default").await?.is_some()).then_some(()))
    });
    while_running(programs, ready).await
}

/// Waits for something that takes all these programs.
async fn while_running(
    programs: &mut [Kept],
    ready: impl Future<Output = Result<()>>,
) -> Result<()> {
    let ends = programs.iter_mut().map(|program| Box::pin(program.end()));
    tokio::select! {
        ready = ready => ready,
        (status, ..) = select_all(ends) => bail!("a program ended with {}", status?),
    }
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| &status.conditions);
    conditions
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
