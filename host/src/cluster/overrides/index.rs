//! The overrides of the cluster: watched, parsed and found by workload.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::StreamExt as _;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use rollgate_model::Workload;
use tokio::sync::watch;

use crate::admission::overrides::{BadTemplateHash, Binding, Override, TemplateHash, Uses};
use crate::cluster::crd::{RolloutOverride, Use};
use crate::config::PolicyName;

/// By namespace alone, so that a lookup needs no owned key. Few workloads have overrides.
type ByNamespace = HashMap<String, Vec<Arc<CachedOverride>>>;

/// The overrides that the watch reported last. Clones share them.
#[derive(Clone)]
pub(super) struct Index {
    by_namespace: Arc<ArcSwap<ByNamespace>>,
    objects: watch::Receiver<Vec<Arc<RolloutOverride>>>,
}

/// Watches the overrides.
pub(crate) struct OverrideWatch {
    client: Client,
    by_namespace: Arc<ArcSwap<ByNamespace>>,
    objects: watch::Sender<Vec<Arc<RolloutOverride>>>,
}

/// Namespace and name.
type Key = (Option<String>, String);

pub(super) fn new(client: Client) -> (Index, OverrideWatch) {
    let by_namespace = Arc::<ArcSwap<ByNamespace>>::default();
    let (sender, objects) = watch::channel(Vec::new());
    let index = Index {
        by_namespace: Arc::clone(&by_namespace),
        objects,
    };
    let watch = OverrideWatch {
        client,
        by_namespace,
        objects: sender,
    };
    (index, watch)
}

impl Index {
    pub(super) fn any_for(&self, workload: &Workload) -> bool {
        let all = self.by_namespace.load();
        let mut of_namespace = all.get(workload.namespace()).into_iter().flatten();
        of_namespace.any(|one| one.terms.is_for(workload))
    }

    pub(super) fn of(&self, workload: &Workload) -> Vec<Arc<CachedOverride>> {
        let all = self.by_namespace.load();
        let of_namespace = all.get(workload.namespace()).into_iter().flatten();
        of_namespace
            .filter(|one| one.terms.is_for(workload))
            .cloned()
            .collect()
    }

    /// Returns a receiver of all objects, sent at each change.
    pub(super) fn objects(&self) -> watch::Receiver<Vec<Arc<RolloutOverride>>> {
        self.objects.clone()
    }
}

impl OverrideWatch {
    /// Watches the overrides, and never returns. While the API server is down, the last reported ones
    /// stay known; each is read again before it lets a rollout pass.
    pub(crate) async fn run(self) -> Infallible {
        let objects = Api::<RolloutOverride>::all(self.client.clone());
        let mut changes = watcher(objects, watcher::Config::default())
            .default_backoff()
            .boxed();
        let mut known = HashMap::new();
        let mut listed = HashMap::new();
        loop {
            match changes.next().await {
                Some(Ok(event)) => {
                    if apply(event, &mut known, &mut listed) {
                        self.publish(&known);
                    }
                }
                Some(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "overrides cannot be watched; new ones let no rollout pass until they can"
                ),
                // A watcher restarts by itself and does not end.
                None => std::future::pending().await,
            }
        }
    }

    fn publish(&self, known: &HashMap<Key, Arc<RolloutOverride>>) {
        let mut by_namespace = ByNamespace::new();
        for object in known.values() {
            match CachedOverride::parse(object) {
                Ok(one) => by_namespace
                    .entry(one.terms.namespace.clone())
                    .or_default()
                    .push(Arc::new(one)),
                Err(error) => tracing::warn!(
                    namespace = object.metadata.namespace,
                    name = object.metadata.name,
                    %error,
                    "an override is invalid, so it lets no rollout pass"
                ),
            }
        }
        for overrides in by_namespace.values_mut() {
            overrides.sort_unstable_by(|one, other| one.terms.name.cmp(&other.terms.name));
        }
        self.by_namespace.store(Arc::new(by_namespace));
        self.objects.send_replace(known.values().cloned().collect());
    }
}

/// An override, parsed from one version of its object.
#[derive(Clone, Debug)]
pub(super) struct CachedOverride {
    pub(super) terms: Arc<Override>,
    pub(super) resource_version: Option<String>,
}

impl CachedOverride {
    /// # Errors
    /// If a template hash is malformed, which the rules of the CRD prevent.
    pub(super) fn parse(object: &RolloutOverride) -> Result<Self, BadTemplateHash> {
        let spec = &object.spec;
        let metadata = &object.metadata;
        let terms = Override {
            name: metadata.name.clone().unwrap_or_default(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            kind: spec.workload.kind,
            workload: spec.workload.name.clone(),
            policies: spec
                .policies
                .iter()
                .map(|name| PolicyName::cluster(name))
                .collect(),
            reason: spec.reason.clone(),
            expires: spec.expires.0,
            users: spec.users.iter().cloned().collect(),
            images: spec.images.iter().cloned().collect(),
            template: spec.template.as_deref().map(str::parse).transpose()?,
            uses: uses(object)?,
        };
        Ok(Self {
            terms: Arc::new(terms),
            resource_version: metadata.resource_version.clone(),
        })
    }
}

/// The first use binds the override to its template. Later uses are of the same template.
fn uses(object: &RolloutOverride) -> Result<Uses, BadTemplateHash> {
    if !object.spec.single_use {
        return Ok(Uses::Any);
    }
    let first = object
        .status
        .as_ref()
        .and_then(|status| status.uses.first());
    first.map(binding).transpose().map(Uses::OneTemplate)
}

fn binding(first: &Use) -> Result<Binding, BadTemplateHash> {
    Ok(Binding {
        uid: first.workload_uid.clone(),
        template: first.template_hash.parse::<TemplateHash>()?,
        user: first.user.clone(),
        at: first.at.0,
    })
}

/// Applies an event, and returns whether `known` changed. A list replaces it when it is complete.
fn apply(
    event: Event<RolloutOverride>,
    known: &mut HashMap<Key, Arc<RolloutOverride>>,
    listed: &mut HashMap<Key, Arc<RolloutOverride>>,
) -> bool {
    match event {
        Event::Init => {
            listed.clear();
            false
        }
        Event::InitApply(object) => {
            listed.insert(key(&object), Arc::new(object));
            false
        }
        Event::InitDone => {
            *known = std::mem::take(listed);
            true
        }
        Event::Apply(object) => {
            known.insert(key(&object), Arc::new(object));
            true
        }
        Event::Delete(object) => known.remove(&key(&object)).is_some(),
    }
}

fn key(object: &RolloutOverride) -> Key {
    (object.namespace(), object.name_any())
}
