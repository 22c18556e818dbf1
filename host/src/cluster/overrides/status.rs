//! Writes into the status of each override whether it can be used. The replica that holds the Lease
//! does it for all.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Map, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::index::{CachedOverride, Index};
use crate::admission::overrides::{Override, Uses};
use crate::cluster::conditions::{self, ConditionStatus, NewCondition, Outcome};
use crate::cluster::crd::RolloutOverride;
use crate::cluster::lease::Leadership;
use crate::config::{PolicyName, PolicySet};
use crate::reload::ActiveSet;

/// How often all statuses are compared without a known change, and failed writes are tried again.
const RESYNC: Duration = Duration::from_secs(30);

/// Writes the status of overrides.
pub(in crate::cluster) struct OverrideStatusWriter {
    client: Client,
    index: Index,
}

impl OverrideStatusWriter {
    pub(super) fn new(client: Client, index: Index) -> Self {
        Self { client, index }
    }

    /// Writes each change while this replica holds the Lease; never returns. `active` has to be from
    /// before the first activation: until then, every policy would be reported as unknown.
    pub(in crate::cluster) async fn run(
        self,
        mut leadership: Leadership,
        mut active: watch::Receiver<ActiveSet>,
    ) -> Infallible {
        let mut objects = self.index.objects();
        if active.changed().await.is_err() {
            // Nothing activates policies any more: the process is about to end.
            std::future::pending().await
        }
        loop {
            leadership.held().await;
            let policies = Arc::clone(&active.borrow_and_update().policies);
            let all = objects.borrow_and_update().clone();
            for object in &all {
                self.write(object, &policies).await;
            }
            let resync = Instant::now() + until_next_expiry(&all, Timestamp::now());
            tokio::select! {
                Ok(()) = objects.changed() => {}
                Ok(()) = active.changed() => {}
                () = sleep_until(resync) => {}
            }
        }
    }

    async fn write(&self, object: &RolloutOverride, policies: &PolicySet) {
        let now = Timestamp::now();
        let (metadata, status) = (&object.metadata, json!(object.status));
        let condition = condition(object, policies, now);
        let patch = conditions::status_patch(metadata, &status, &condition, Map::new(), now);
        let Some(patch) = patch else {
            return;
        };
        let namespace = object.namespace().unwrap_or_default();
        let objects = Api::<RolloutOverride>::namespaced(self.client.clone(), &namespace);
        match conditions::patch_status(&objects, &object.name_any(), &patch).await {
            // After a conflict, the watch brings the newer version.
            Ok(Outcome::Written | Outcome::Gone | Outcome::Conflict) => {}
            Err(error) => tracing::warn!(
                namespace,
                name = object.metadata.name,
                error = &error as &dyn std::error::Error,
                "the status of an override cannot be written"
            ),
        }
    }
}

fn condition(object: &RolloutOverride, policies: &PolicySet, now: Timestamp) -> NewCondition {
    let not_ready = |reason, message| ready(ConditionStatus::False, reason, message);
    let terms = match CachedOverride::parse(object) {
        Ok(parsed) => parsed.terms,
        Err(error) => return not_ready("Invalid", error.to_string()),
    };
    if terms.expires <= now {
        return not_ready("Expired", format!("it expired at {}", terms.expires));
    }
    let unknown = unknown_policies(&terms, policies);
    if !unknown.is_empty() {
        let message = format!(
            "there is no policy {}, so it lets no rollout pass",
            unknown.join(", ")
        );
        return not_ready("UnknownPolicy", message);
    }
    usable(&terms)
}

fn unknown_policies<'a>(terms: &'a Override, policies: &PolicySet) -> Vec<&'a str> {
    let names: BTreeSet<_> = policies
        .policies()
        .iter()
        .map(|policy| &policy.name)
        .collect();
    let unknown = terms.policies.iter().filter(|name| !names.contains(name));
    unknown.map(PolicyName::as_str).collect()
}

fn usable(terms: &Override) -> NewCondition {
    let expires = terms.expires;
    let (reason, message) = match &terms.uses {
        Uses::Any => ("Usable", format!("until {expires}")),
        Uses::OneTemplate(None) => ("Usable", format!("for one template, until {expires}")),
        Uses::OneTemplate(Some(first)) => (
            "Bound",
            format!(
                "for the template {} alone, which {} used it for, until {expires}",
                first.template, first.user
            ),
        ),
    };
    ready(ConditionStatus::True, reason, message)
}

const fn ready(status: ConditionStatus, reason: &'static str, message: String) -> NewCondition {
    NewCondition {
        type_: "Ready",
        status,
        reason,
        message,
    }
}

/// Returns the time until the next override expires, at most [`RESYNC`].
fn until_next_expiry(all: &[Arc<RolloutOverride>], now: Timestamp) -> Duration {
    let left = all
        .iter()
        .map(|object| object.spec.expires.0.duration_since(now));
    let ahead = left.filter_map(|left| Duration::try_from(left).ok());
    let next = ahead.filter(|left| !left.is_zero()).min();
    next.unwrap_or(RESYNC).min(RESYNC)
}
