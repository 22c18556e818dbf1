//! From a policy as it is written to one that can be loaded. Every mistake of a spec is told, each
//! at the place where it stands.

mod grants;
mod matches;
mod mistakes;

use std::time::Duration;

use rollgate_model::dns;

pub(super) use self::matches::matches_alone;
pub(super) use self::mistakes::Mistake;

use self::grants::grants;
use self::matches::matches;
use self::mistakes::Mistakes;
use super::module::ModuleSource;
use super::wire::{MemorySpec, Module, PolicyObject, PolicySpec};
use super::{Action, Match, OnError, PolicyName, quantity};
use crate::engine::{Grants, Limits, MEMORY_CEILING};

/// A policy that is sound as far as its file tells.
#[derive(Clone, Debug)]
pub struct PolicySource {
    /// What people call it.
    pub name: PolicyName,
    /// Where its module comes from.
    pub module: ModuleSource,
    /// The module's settings, as JSON text.
    pub settings: String,
    /// Which rollouts it judges.
    pub matches: Match,
    /// What becomes of a denial or a hold.
    pub action: Action,
    /// What becomes of a failure.
    pub on_error: OnError,
    /// What one evaluation may use.
    pub limits: Limits,
    /// What it may ask of metrics and the cluster.
    pub grants: Grants,
    /// The granted metric sources, in the order of the file.
    pub(super) metric_grants: Vec<String>,
}

/// Compiles a policy.
///
/// # Errors
///
/// All mistakes of the object.
pub(super) fn policy(object: PolicyObject) -> Result<PolicySource, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let module = module(&object.spec.module, &mut mistakes);
    let policy = PolicySource {
        name: name(&object, &mut mistakes),
        limits: limits(&object.spec, &mut mistakes),
        grants: grants(&object, &mut mistakes),
        matches: matches(
            object.metadata.namespace.as_deref(),
            &object.spec.matches,
            &mut mistakes,
        ),
        action: object.spec.action,
        on_error: object.spec.on_error,
        settings: serde_json::Value::Object(object.spec.settings).to_string(),
        metric_grants: object.spec.grants.metrics,
        module,
    };
    mistakes.none_in(policy)
}

fn module(spec: &Module, mistakes: &mut Mistakes) -> ModuleSource {
    match (&spec.builtin, &spec.file) {
        (Some(name), None) => return ModuleSource::Builtin(name.clone()),
        (None, Some(path)) => return ModuleSource::File(path.into()),
        (None, None) => mistakes.add(
            "/spec/module",
            "say where the module comes from: `builtin: NAME` or `file: PATH`",
        ),
        (Some(_), Some(_)) => {
            mistakes.add(
                "/spec/module",
                "a policy has one module: say `builtin` or `file`, not both",
            );
        }
    }
    // Not read: a policy with a mistake is not loaded.
    ModuleSource::Builtin(String::new())
}

fn name(object: &PolicyObject, mistakes: &mut Mistakes) -> PolicyName {
    let metadata = &object.metadata;
    if !dns::is_subdomain(&metadata.name) {
        mistakes.add("/metadata/name", format!(
            "`{}` is no name: use lower-case letters, digits, `-` and `.`, at most 253 of them, and begin and end with a letter or digit",
            metadata.name.escape_debug(),
        ));
    }
    match &metadata.namespace {
        Some(namespace) if object.kind == "ClusterRolloutPolicy" => {
            mistakes.add(
                "/metadata/namespace",
                "a ClusterRolloutPolicy has no namespace; leave it out, or make this a RolloutPolicy",
            );
            PolicyName::namespaced(namespace, &metadata.name)
        }
        Some(namespace) => {
            mistakes.namespace(namespace, "/metadata/namespace");
            PolicyName::namespaced(namespace, &metadata.name)
        }
        None => PolicyName::cluster(&metadata.name),
    }
}

/// The longest timeout that an API server grants a webhook.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);
/// A guest has a stack and some memory before it does anything.
const MIN_MEMORY: u64 = 1 << 20;
const MAX_MEMORY: u64 = MEMORY_CEILING as u64;

fn limits(spec: &PolicySpec, mistakes: &mut Mistakes) -> Limits {
    let usual = Limits::default();
    Limits {
        timeout: spec.timeout.as_deref().map_or(usual.timeout, |text| {
            let wanted = "a timeout is more than 0 and at most `30s`, such as `500ms` or `2s`";
            mistakes.sound(time(text), "/spec/timeout", wanted)
        }),
        cpu: spec.cpu.as_deref().map_or(usual.cpu, |text| {
            let wanted = "the CPU time is more than 0 and at most `30s`, such as `50ms` or `1s`";
            mistakes.sound(time(text), "/spec/cpu", wanted)
        }),
        memory: spec.memory.as_ref().map_or(usual.memory, |amount| {
            let wanted = "memory is from `1Mi` to `256Mi`, such as `32Mi`";
            mistakes.sound(memory(amount), "/spec/memory", wanted)
        }),
    }
}

fn time(text: &str) -> Option<Duration> {
    quantity::duration(text).filter(|time| !time.is_zero() && *time <= MAX_TIMEOUT)
}

fn memory(amount: &MemorySpec) -> Option<usize> {
    let bytes = match amount {
        MemorySpec::Bytes(bytes) => *bytes,
        MemorySpec::Quantity(text) => quantity::bytes(text)?,
    };
    let sound = (MIN_MEMORY..=MAX_MEMORY).contains(&bytes);
    sound.then(|| usize::try_from(bytes).ok()).flatten()
}
