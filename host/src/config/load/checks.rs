//! What is checked of a policy before its module is loaded: its grants. And where the problems of loading
//! are shown.

use std::collections::HashMap;

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use crate::config::configuration::{Configuration, PolicyItem};
use crate::config::{PolicyName, Problem};
use crate::engine::{ClusterGrant, LoadError, SettingsProblem};
use crate::sources::{Access, Cluster, KindRef, Scope};

/// The checks of one load.
pub(super) struct Checks<'a> {
    configuration: &'a Configuration,
    permissions: OwnPermissions<'a>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(configuration: &'a Configuration, cluster: &'a dyn Cluster) -> Self {
        Self {
            configuration,
            permissions: OwnPermissions::new(cluster, &configuration.policies),
        }
    }

    /// Reports grants of sources that do not exist or are for other namespaces. Otherwise they would
    /// fail at the first query.
    pub(super) fn sources(&self, item: &PolicyItem) -> Result<(), Vec<Problem>> {
        let grants = item.policy.metric_grants.iter().enumerate();
        let problems: Vec<_> = grants
            .filter_map(|(index, name)| {
                let pointer = format!("/spec/grants/metrics/{index}");
                self.unavailable(&item.policy.name, name)
                    .map(|(message, hint)| item.problem(&pointer, message).hint(hint))
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// Returns why a policy may not query a source, and a hint.
    fn unavailable(&self, policy: &PolicyName, source: &str) -> Option<(String, String)> {
        let described: Vec<_> = self.configuration.source_names().collect();
        let shown = source.escape_debug();
        if !described.contains(&source) {
            let message = format!("there is no MetricSource `{shown}`");
            return Some((message, hint_for_sources(&described)));
        }
        let mut items = self.configuration.sources.iter();
        let item = items.find(|item| item.name() == source)?;
        let own = policy.namespace()?;
        let is_closed = !item.source.spec.is_open_to(own);
        is_closed.then(|| {
            (
                format!("the MetricSource `{shown}` is not for policies in the namespace `{own}`"),
                "add the namespace to `spec.namespaces` of the MetricSource".to_owned(),
            )
        })
    }

    /// Returns, by the number of the policy, the grants of kinds that rollgate itself may not read.
    pub(super) async fn missing_permissions(&self) -> HashMap<usize, Vec<Problem>> {
        let policies = self.configuration.policies.iter().enumerate();
        let granted = policies.filter(|(_, item)| !item.policy.grants.cluster.is_empty());
        let missing = join_all(granted.map(|(number, item)| async move {
            let problems = self.missing_permissions_of(item).await;
            (!problems.is_empty()).then_some((number, problems))
        }));
        missing.await.into_iter().flatten().collect()
    }

    async fn missing_permissions_of(&self, item: &PolicyItem) -> Vec<Problem> {
        let grants = item.policy.grants.cluster.iter().enumerate();
        let problems = join_all(grants.map(|(index, grant)| async move {
            let missing = self.permissions.missing(grant).await?;
            Some(item.problem(&format!("/spec/grants/cluster/{index}"), missing))
        }));
        problems.await.into_iter().flatten().collect()
    }
}

fn hint_for_sources(described: &[&str]) -> String {
    match described {
        [] => "add a MetricSource beside the policies".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    }
}

/// Returns the problems of a policy, each at the line of its setting if it is about one.
pub(super) fn problems(item: &PolicyItem, error: &LoadError) -> Vec<Problem> {
    match error {
        LoadError::Settings(refused) => refused
            .iter()
            .map(|refused| setting(item, refused))
            .collect(),
        error => vec![item.problem(item.policy.module.pointer(), error.to_string())],
    }
}

/// A missing setting has no line, so the message starts with its name.
fn setting(item: &PolicyItem, refused: &SettingsProblem) -> Problem {
    let pointer = format!("/spec/settings{}", refused.path);
    match item.location.missing(&pointer) {
        Some(field) if !refused.path.is_empty() => {
            item.problem(&pointer, format!("`{field}` {}", refused.message))
        }
        _ => item.problem(&pointer, refused.message.as_str()),
    }
}

/// Asks once per load whether rollgate may read each kind and scope that policies are granted.
struct OwnPermissions<'a> {
    cluster: &'a dyn Cluster,
    asked: HashMap<(KindRef<'a>, Scope<'a>), OnceCell<Access>>,
}

impl<'a> OwnPermissions<'a> {
    fn new(cluster: &'a dyn Cluster, policies: &'a [PolicyItem]) -> Self {
        let grants = policies.iter().flat_map(|item| &item.policy.grants.cluster);
        let asked = grants.flat_map(reads).map(|read| (read, OnceCell::new()));
        Self {
            cluster,
            asked: asked.collect(),
        }
    }

    /// Returns what rollgate lacks for a grant. If that is not known now, each read reports it later.
    async fn missing<'s>(&'s self, grant: &'s ClusterGrant) -> Option<&'s str> {
        for read in reads(grant) {
            let asked = self.asked[&read].get_or_init(|| self.ask(read));
            if let Access::Missing(what) = asked.await {
                return Some(what);
            }
        }
        None
    }

    async fn ask(&self, (kind, scope): (KindRef<'_>, Scope<'_>)) -> Access {
        let access = self.cluster.access(kind, scope).await;
        if let Access::Unknown(why) = &access {
            tracing::debug!(
                ?kind,
                ?scope,
                why,
                "it is not known whether rollgate may read this kind"
            );
        }
        access
    }
}

fn reads<'a>(grant: &'a ClusterGrant) -> Vec<(KindRef<'a>, Scope<'a>)> {
    let kind = KindRef {
        api_version: &grant.api_version,
        kind: &grant.kind,
    };
    let scopes = grant.scopes().into_iter();
    scopes.map(|scope| (kind, scope)).collect()
}
