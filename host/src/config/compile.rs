//! Compiles a policy object to a policy that can be loaded. Reports all mistakes of a spec, each at its
//! position.

mod matches;

use std::collections::BTreeSet;
use std::time::Duration;

use rollgate_model::{dns, host_calls};

pub(super) use self::matches::matches_alone;

use self::matches::matches;
use super::module::{ModuleDigest, ModuleSource, NoDigest};
use super::policy_spec::{ClusterGrantSpec, MemorySpec, Module, PolicyObject, PolicySpec};
use super::{Action, Match, OnError, PolicyName, quantity};
use crate::engine::{ClusterGrant, Grants, Limits, MEMORY_CEILING, Ungranted};

/// A policy with a valid spec. Its module is not loaded yet.
#[derive(Clone, Debug)]
pub struct CompiledPolicy {
    /// The name.
    pub name: PolicyName,
    /// Where its module comes from.
    pub module: ModuleSource,
    /// The digest that the module must have, if the policy names one.
    pub module_digest: Option<ModuleDigest>,
    /// The module's settings, as JSON text.
    pub settings: String,
    /// Which rollouts it evaluates.
    pub matches: Match,
    /// What a denial or a hold leads to.
    pub action: Action,
    /// What a failure leads to.
    pub on_error: OnError,
    /// What one evaluation may use.
    pub limits: Limits,
    /// What it may query from metrics and the cluster.
    pub grants: Grants,
    /// The granted metric sources, in the order of the file.
    pub(super) metric_grants: Vec<String>,
}

/// Compiles a policy. Returns all mistakes of the object if there are any.
pub(super) fn policy(object: PolicyObject) -> Result<CompiledPolicy, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let module = module(&object.spec.module, &mut mistakes);
    let policy = CompiledPolicy {
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
        module_digest: module_digest(&object.spec.module, &mut mistakes),
        metric_grants: object.spec.grants.metrics,
        module,
    };
    mistakes.into_result(policy)
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
    // Not used: a policy with a mistake is not loaded.
    ModuleSource::Builtin(String::new())
}

fn module_digest(spec: &Module, mistakes: &mut Mistakes) -> Option<ModuleDigest> {
    let read = spec.digest.as_deref()?.parse();
    read.map_err(|error: NoDigest| mistakes.add("/spec/module/digest", error.to_string()))
        .ok()
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

/// The longest timeout that Kubernetes permits for a webhook.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);
/// A guest needs a stack and some memory before it does anything.
const MIN_MEMORY: u64 = 1 << 20;
const MAX_MEMORY: u64 = MEMORY_CEILING as u64;

fn limits(spec: &PolicySpec, mistakes: &mut Mistakes) -> Limits {
    let usual = Limits::default();
    Limits {
        timeout: spec.timeout.as_deref().map_or(usual.timeout, |text| {
            let wanted = "a timeout is more than 0 and at most `30s`, such as `500ms` or `2s`";
            mistakes.require(time(text), "/spec/timeout", wanted)
        }),
        cpu: spec.cpu.as_deref().map_or(usual.cpu, |text| {
            let wanted = "the CPU time is more than 0 and at most `30s`, such as `50ms` or `1s`";
            mistakes.require(time(text), "/spec/cpu", wanted)
        }),
        memory: spec.memory.as_ref().map_or(usual.memory, |amount| {
            let wanted = "memory is from `1Mi` to `256Mi`, such as `32Mi`";
            mistakes.require(memory(amount), "/spec/memory", wanted)
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
    (MIN_MEMORY..=MAX_MEMORY)
        .contains(&bytes)
        .then(|| usize::try_from(bytes).ok())
        .flatten()
}

fn grants(object: &PolicyObject, mistakes: &mut Mistakes) -> Grants {
    let spec = &object.spec.grants;
    let own = object.metadata.namespace.as_deref();
    let cluster = spec.cluster.iter().enumerate();
    Grants {
        metrics: spec.metrics.iter().cloned().collect(),
        namespace: own.map(str::to_owned),
        cluster: cluster
            .map(|(index, grant)| {
                cluster_grant(
                    own,
                    grant,
                    &format!("/spec/grants/cluster/{index}"),
                    mistakes,
                )
            })
            .collect(),
        ungranted: Ungranted::Refused,
    }
}

fn cluster_grant(
    own: Option<&str>,
    spec: &ClusterGrantSpec,
    pointer: &str,
    mistakes: &mut Mistakes,
) -> ClusterGrant {
    if host_calls::is_secret(&spec.kind) {
        mistakes.add(
            format!("{pointer}/kind"),
            "Secrets are never shown to a policy, so they cannot be granted; remove this grant",
        );
    }
    for (field, text) in [("apiVersion", &spec.api_version), ("kind", &spec.kind)] {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '*') {
            mistakes.add(
                format!("{pointer}/{field}"),
                format!("`{field}` must be written in full, without patterns, as in `apps/v1` and `ReplicaSet`"),
            );
        }
    }
    ClusterGrant {
        api_version: spec.api_version.clone(),
        kind: spec.kind.clone(),
        namespaces: granted_namespaces(
            own,
            spec.namespaces.as_deref(),
            &format!("{pointer}/namespaces"),
            mistakes,
        ),
    }
}

/// A policy with a namespace reads that namespace only, whatever it lists.
fn granted_namespaces(
    own: Option<&str>,
    listed: Option<&[String]>,
    pointer: &str,
    mistakes: &mut Mistakes,
) -> Option<BTreeSet<String>> {
    let namespaces = listed.map(|listed| mistakes.some_namespaces(listed, pointer));
    let Some(own) = own else {
        return namespaces;
    };
    for (index, namespace) in listed.into_iter().flatten().enumerate() {
        if namespace != own {
            mistakes.add(format!("{pointer}/{index}"), format!(
                "this policy is in the namespace `{own}` and can read no other; use a ClusterRolloutPolicy for several"
            ));
        }
    }
    Some(BTreeSet::from([own.to_owned()]))
}

/// A mistake in an object, at a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) pointer: String,
    pub(super) message: String,
}

/// Collects mistakes, so that all of them are reported at once.
#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Returns the compiled value if there were no mistakes.
    fn into_result<T>(self, compiled: T) -> Result<T, Vec<Mistake>> {
        if self.0.is_empty() {
            Ok(compiled)
        } else {
            Err(self.0)
        }
    }

    fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Mistake {
            pointer: pointer.into(),
            message: message.into(),
        });
    }

    /// Returns a valid value. If there is none, records a mistake and returns a default, which is not
    /// used.
    fn require<T: Default>(&mut self, value: Option<T>, pointer: &str, wanted: &str) -> T {
        value.unwrap_or_else(|| {
            self.add(pointer, wanted);
            T::default()
        })
    }

    /// Reads a list of namespaces that must not be empty.
    fn some_namespaces(&mut self, list: &[String], pointer: &str) -> BTreeSet<String> {
        self.reject_empty_list(list, pointer);
        self.namespaces(list, pointer)
    }

    fn namespaces(&mut self, list: &[String], pointer: &str) -> BTreeSet<String> {
        for (index, namespace) in list.iter().enumerate() {
            self.namespace(namespace, format!("{pointer}/{index}"));
        }
        list.iter().cloned().collect()
    }

    fn namespace(&mut self, namespace: &str, pointer: impl Into<String>) {
        if !dns::is_label(namespace) {
            let namespace = namespace.escape_debug();
            let message = format!(
                "`{namespace}` is no namespace; name each one in full, patterns are not known"
            );
            self.add(pointer, message);
        }
    }

    fn reject_empty_list(&mut self, list: &[String], pointer: &str) {
        if list.is_empty() {
            self.add(
                pointer,
                "an empty list would match nothing; leave it out to match everything",
            );
        }
    }
}
