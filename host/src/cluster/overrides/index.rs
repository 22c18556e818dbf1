//! The overrides of the cluster, followed by watch and found by workload.

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

use super::read::Known;
use crate::cluster::crd::RolloutOverride;

/// The overrides by namespace: few workloads have any, and a review looks by borrowed names.
type ByNamespace = HashMap<String, Vec<Arc<Known>>>;

/// The overrides as they were last seen. Clones share them.
#[derive(Clone)]
pub(super) struct Index {
    by_namespace: Arc<ArcSwap<ByNamespace>>,
    objects: watch::Receiver<Vec<Arc<RolloutOverride>>>,
}

/// Follows the overrides.
pub struct OverrideWatch {
    client: Client,
    by_namespace: Arc<ArcSwap<ByNamespace>>,
    objects: watch::Sender<Vec<Arc<RolloutOverride>>>,
}

/// Namespace and name.
type Key = (Option<String>, String);

pub(super) fn new(client: Client) -> (Index, OverrideWatch) {
    let by_namespace = Arc::<ArcSwap<ByNamespace>>::default();
    let (tell, objects) = watch::channel(Vec::new());
    let index = Index {
        by_namespace: Arc::clone(&by_namespace),
        objects,
    };
    let watch = OverrideWatch {
        client,
        by_namespace,
        objects: tell,
    };
    (index, watch)
}

impl Index {
    pub(super) fn any_for(&self, workload: &Workload) -> bool {
        let all = self.by_namespace.load();
        all.get(workload.namespace())
            .is_some_and(|some| some.iter().any(|one| one.terms.is_for(workload)))
    }

    pub(super) fn of(&self, workload: &Workload) -> Vec<Arc<Known>> {
        let all = self.by_namespace.load();
        let some = all.get(workload.namespace()).into_iter().flatten();
        some.filter(|one| one.terms.is_for(workload))
            .cloned()
            .collect()
    }

    /// All objects, and each change of them.
    pub(super) fn objects(&self) -> watch::Receiver<Vec<Arc<RolloutOverride>>> {
        self.objects.clone()
    }
}

impl OverrideWatch {
    /// Follows the overrides for ever. Where they cannot be read, those that were seen last are
    /// still known, and each is read anew before it lets anything pass.
    pub async fn run(self) -> Infallible {
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
                    "overrides cannot be followed; new ones let nothing pass until they can"
                ),
                // A watcher begins anew for ever; should it end, what is known only grows old.
                None => std::future::pending().await,
            }
        }
    }

    fn publish(&self, known: &HashMap<Key, Arc<RolloutOverride>>) {
        let mut by_namespace = ByNamespace::new();
        for object in known.values() {
            match Known::read(object) {
                Ok(one) => by_namespace
                    .entry(one.terms.namespace.clone())
                    .or_default()
                    .push(Arc::new(one)),
                Err(error) => tracing::warn!(
                    namespace = object.metadata.namespace,
                    name = object.metadata.name,
                    %error,
                    "an override cannot be read, so it lets nothing pass"
                ),
            }
        }
        for some in by_namespace.values_mut() {
            some.sort_unstable_by(|one, other| one.terms.name.cmp(&other.terms.name));
        }
        self.by_namespace.store(Arc::new(by_namespace));
        self.objects.send_replace(known.values().cloned().collect());
    }
}

/// Whether what is known changed. A list counts when it is whole.
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
