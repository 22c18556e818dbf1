//! Says in each override whether it can be used. One replica does, for all: the holder of the
//! Lease.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::index::Index;
use super::read::Known;
use crate::admission::overrides::{Override, Uses};
use crate::cluster::Leadership;
use crate::cluster::crd::RolloutOverride;
use crate::config::{PolicyName, PolicySet};
use crate::server::live;

/// What could not be written is tried again so often, and the longest that an expiry goes unsaid.
const EVERY: Duration = Duration::from_secs(30);
/// The one condition.
const READY: &str = "Ready";

/// Keeps the condition `Ready` of all overrides.
pub struct OverrideStatus {
    client: Client,
    index: Index,
}

/// Whether an override can be used, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    ready: Ready,
    reason: &'static str,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Yes,
    No,
}

impl OverrideStatus {
    pub(super) fn new(client: Client, index: Index) -> Self {
        Self { client, index }
    }

    /// Says it whenever an override, the policies or the time change, while this replica holds the
    /// Lease; for ever. `in_force` has to come from before the first set: until that is in force,
    /// every policy would be said to be unknown.
    pub async fn run(
        self,
        mut leadership: Leadership,
        mut in_force: watch::Receiver<live::Standing>,
    ) -> Infallible {
        let mut objects = self.index.objects();
        if in_force.changed().await.is_err() {
            // Nothing brings policies into force any more: the process is about to end.
            std::future::pending().await
        }
        loop {
            leadership.held().await;
            let policies = Arc::clone(&in_force.borrow_and_update().set);
            let all = objects.borrow_and_update().clone();
            self.say(&all, &policies).await;
            let again = Instant::now() + until_next(&all, Timestamp::now());
            tokio::select! {
                Ok(()) = objects.changed() => {}
                Ok(()) = in_force.changed() => {}
                () = sleep_until(again) => {}
            }
        }
    }

    async fn say(&self, all: &[Arc<RolloutOverride>], policies: &PolicySet) {
        let now = Timestamp::now();
        for object in all {
            let word = word(object, policies, now);
            if said(object) == Some((word.ready.as_str(), word.reason, &word.message)) {
                continue;
            }
            if let Err(error) = self.write(object, &word, now).await {
                tracing::warn!(
                    namespace = object.metadata.namespace,
                    name = object.metadata.name,
                    error = &error as &dyn std::error::Error,
                    "the status of an override cannot be written"
                );
            }
        }
    }

    async fn write(
        &self,
        object: &RolloutOverride,
        word: &Word,
        now: Timestamp,
    ) -> kube::Result<()> {
        let before = condition(object).filter(|before| before.status == word.ready.as_str());
        let since = before.map_or(Time(now), |before| before.last_transition_time.clone());
        let condition = Condition {
            type_: READY.to_owned(),
            status: word.ready.as_str().to_owned(),
            reason: word.reason.to_owned(),
            message: word.message.clone(),
            observed_generation: object.metadata.generation,
            last_transition_time: since,
        };
        let patch = json!({"status": {
            "observedGeneration": object.metadata.generation,
            "conditions": [condition],
        }});
        let namespace = object.namespace().unwrap_or_default();
        let objects = Api::<RolloutOverride>::namespaced(self.client.clone(), &namespace);
        let params = PatchParams::default();
        let name = object.name_any();
        match objects
            .patch_status(&name, &params, &Patch::Merge(&patch))
            .await
        {
            // It was deleted meanwhile.
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            written => written.map(drop),
        }
    }
}

impl Ready {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "True",
            Self::No => "False",
        }
    }
}

fn condition(object: &RolloutOverride) -> Option<&Condition> {
    let mut conditions = object.status.iter().flat_map(|status| &status.conditions);
    conditions.find(|condition| condition.type_ == READY)
}

fn said(object: &RolloutOverride) -> Option<(&str, &str, &String)> {
    let condition = condition(object)?;
    Some((&condition.status, &condition.reason, &condition.message))
}

fn word(object: &RolloutOverride, policies: &PolicySet, now: Timestamp) -> Word {
    let no = |reason, message| Word {
        ready: Ready::No,
        reason,
        message,
    };
    let terms = match Known::read(object) {
        Ok(known) => known.terms,
        Err(error) => return no("Invalid", error.to_string()),
    };
    if terms.expires <= now {
        return no("Expired", format!("it expired at {}", terms.expires));
    }
    let unknown = unknown(&terms, policies);
    if !unknown.is_empty() {
        let message = format!(
            "there is no policy {}, so it lets nothing pass",
            unknown.join(", ")
        );
        return no("UnknownPolicy", message);
    }
    usable(&terms)
}

fn unknown<'a>(terms: &'a Override, policies: &PolicySet) -> Vec<&'a str> {
    let names: BTreeSet<_> = policies
        .policies()
        .iter()
        .map(|policy| &policy.name)
        .collect();
    let unknown = terms.policies.iter().filter(|name| !names.contains(name));
    unknown.map(PolicyName::as_str).collect()
}

fn usable(terms: &Override) -> Word {
    let (reason, message) = match &terms.uses {
        Uses::Any => ("Usable", format!("until {}", terms.expires)),
        Uses::OneTemplate(None) => (
            "Usable",
            format!("for one template, until {}", terms.expires),
        ),
        Uses::OneTemplate(Some(first)) => (
            "Bound",
            format!(
                "for the template {} alone, which {} used it for, until {}",
                first.template, first.user, terms.expires
            ),
        ),
    };
    Word {
        ready: Ready::Yes,
        reason,
        message,
    }
}

/// How long until an override expires next, at most the time between two looks.
fn until_next(all: &[Arc<RolloutOverride>], now: Timestamp) -> Duration {
    let left = all
        .iter()
        .map(|object| object.spec.expires.0.duration_since(now));
    let ahead = left.filter_map(|left| Duration::try_from(left).ok());
    let next = ahead.filter(|left| !left.is_zero()).min();
    next.unwrap_or(EVERY).min(EVERY)
}
