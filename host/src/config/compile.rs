//! From a policy as it is written to one that can be loaded. Every mistake of a spec is told, each
//! at the place where it stands.

use std::collections::BTreeSet;
use std::time::Duration;

use rollgate_model::{Change, Kind, yaml};

use super::module::ModuleSource;
use super::wire::{
    ClusterGrantSpec, ExpressionSpec, GrantsSpec, MatchSpec, MemorySpec, Module, Operator,
    PolicyObject, PolicySpec, SelectorSpec,
};
use super::{Action, Match, OnError, PolicyName, Requirement, Selector, quantity};
use crate::engine::{ClusterGrant, Grants, Limits, MEMORY_CEILING};

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

/// A mistake in an object, by the pointer to what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) pointer: String,
    pub(super) message: String,
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
    if mistakes.0.is_empty() {
        Ok(policy)
    } else {
        Err(mistakes.0)
    }
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

#[derive(Default)]
struct Mistakes(Vec<Mistake>);

impl Mistakes {
    fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Mistake {
            pointer: pointer.into(),
            message: message.into(),
        });
    }
}

fn name(object: &PolicyObject, mistakes: &mut Mistakes) -> PolicyName {
    let metadata = &object.metadata;
    if !is_dns_name(&metadata.name) {
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
            namespace_is_sound(namespace, "/metadata/namespace", mistakes);
            PolicyName::namespaced(namespace, &metadata.name)
        }
        None => PolicyName::cluster(&metadata.name),
    }
}

/// RFC 1123 subdomain, as `metadata.name` of a custom resource must be.
fn is_dns_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(|label| is_dns_label(label, 253))
}

fn is_dns_label(label: &str, longest: usize) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = label.as_bytes();
    (1..=longest).contains(&bytes.len())
        && bytes.iter().all(|&byte| alphanumeric(byte) || byte == b'-')
        && bytes.first().is_some_and(|&byte| alphanumeric(byte))
        && bytes.last().is_some_and(|&byte| alphanumeric(byte))
}

fn namespace_is_sound(namespace: &str, pointer: impl Into<String>, mistakes: &mut Mistakes) {
    if !is_dns_label(namespace, 63) {
        let namespace = namespace.escape_debug();
        mistakes.add(
            pointer,
            format!("`{namespace}` is no namespace; name each one in full, patterns are not known"),
        );
    }
}

/// The longest timeout that an API server grants a webhook.
const MAX_TIMEOUT: Duration = Duration::from_secs(30);
/// A guest has a stack and some memory before it does anything.
const MIN_MEMORY: u64 = 1 << 20;
const MAX_MEMORY: u64 = MEMORY_CEILING as u64;

fn limits(spec: &PolicySpec, mistakes: &mut Mistakes) -> Limits {
    let mut limits = Limits::default();
    let time = |text: &str| {
        let time = quantity::duration(text)?;
        (!time.is_zero() && time <= MAX_TIMEOUT).then_some(time)
    };
    match spec.timeout.as_deref().map(time) {
        Some(Some(timeout)) => limits.timeout = timeout,
        Some(None) => mistakes.add(
            "/spec/timeout",
            "a timeout is more than 0 and at most `30s`, such as `500ms` or `2s`",
        ),
        None => {}
    }
    match spec.cpu.as_deref().map(time) {
        Some(Some(cpu)) => limits.cpu = cpu,
        Some(None) => mistakes.add(
            "/spec/cpu",
            "the CPU time is more than 0 and at most `30s`, such as `50ms` or `1s`",
        ),
        None => {}
    }
    if let Some(memory) = &spec.memory {
        let bytes = match memory {
            MemorySpec::Bytes(bytes) => Some(*bytes),
            MemorySpec::Quantity(text) => quantity::bytes(text),
        };
        match bytes
            .filter(|bytes| (MIN_MEMORY..=MAX_MEMORY).contains(bytes))
            .and_then(|b| usize::try_from(b).ok())
        {
            Some(memory) => limits.memory = memory,
            None => mistakes.add(
                "/spec/memory",
                "memory is from `1Mi` to `256Mi`, such as `32Mi`",
            ),
        }
    }
    limits
}

fn grants(object: &PolicyObject, mistakes: &mut Mistakes) -> Grants {
    let spec: &GrantsSpec = &object.spec.grants;
    let own = object.metadata.namespace.as_deref();
    let cluster = spec.cluster.iter().enumerate();
    Grants {
        metrics: spec.metrics.iter().cloned().collect(),
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
    }
}

fn cluster_grant(
    own: Option<&str>,
    spec: &ClusterGrantSpec,
    pointer: &str,
    mistakes: &mut Mistakes,
) -> ClusterGrant {
    if spec.kind.eq_ignore_ascii_case("secret") || spec.kind.eq_ignore_ascii_case("secrets") {
        mistakes.add(
            format!("{pointer}/kind"),
            "Secrets are never shown to a policy, so they cannot be granted; remove this grant",
        );
    }
    for (field, text) in [("apiVersion", &spec.api_version), ("kind", &spec.kind)] {
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '*') {
            mistakes.add(
                format!("{pointer}/{field}"),
                format!("`{field}` stands for one {field} and must be written in full, as in `apps/v1` and `ReplicaSet`"),
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

/// A policy with a namespace reads what is in it and nothing else, however much it asks for.
fn granted_namespaces(
    own: Option<&str>,
    listed: Option<&[String]>,
    pointer: &str,
    mistakes: &mut Mistakes,
) -> Option<BTreeSet<String>> {
    let namespaces = listed.map(|listed| namespaces_of(listed, pointer, mistakes));
    let Some(own) = own else {
        return namespaces;
    };
    for (index, namespace) in listed.into_iter().flatten().enumerate() {
        if namespace != own {
            mistakes.add(format!("{pointer}/{index}"), format!(
                "this policy stands in the namespace `{own}` and reads no other; use a ClusterRolloutPolicy for several"
            ));
        }
    }
    Some(BTreeSet::from([own.to_owned()]))
}

/// Compiles what a policy matches, where the rest of it cannot be read; `None` where that has
/// mistakes of its own.
pub(super) fn matches_alone(own: Option<&str>, spec: &MatchSpec) -> Option<Match> {
    let mut mistakes = Mistakes::default();
    let matches = matches(own, spec, &mut mistakes);
    mistakes.0.is_empty().then_some(matches)
}

fn matches(own: Option<&str>, spec: &MatchSpec, mistakes: &mut Mistakes) -> Match {
    let mut matches = Match::default()
        .labels(selector(&spec.labels, mistakes))
        .exclude_namespaces(names(
            &spec.exclude_namespaces,
            "/spec/match/excludeNamespaces",
            mistakes,
        ));
    if let Some(kinds) = &spec.kinds {
        matches = matches.kinds(words::<Kind>(kinds, "/spec/match/kinds", mistakes));
    }
    if let Some(changes) = &spec.changes {
        matches = matches.changes(words::<Change>(changes, "/spec/match/changes", mistakes));
    }
    match in_namespaces(own, spec, mistakes) {
        Some(namespaces) => matches.namespaces(namespaces),
        None => matches,
    }
}

/// A policy with a namespace judges the rollouts in it and no others.
fn in_namespaces(
    own: Option<&str>,
    spec: &MatchSpec,
    mistakes: &mut Mistakes,
) -> Option<BTreeSet<String>> {
    let listed = spec
        .namespaces
        .as_ref()
        .map(|some| namespaces_of(some, "/spec/match/namespaces", mistakes));
    if let (Some(own), Some(listed)) = (own, &listed)
        && !listed.contains(own)
    {
        mistakes.add("/spec/match/namespaces", format!(
            "this policy stands in the namespace `{own}` and judges no other; use a ClusterRolloutPolicy for several"
        ));
    }
    own.map(|own| BTreeSet::from([own.to_owned()])).or(listed)
}

fn namespaces_of(list: &[String], pointer: &str, mistakes: &mut Mistakes) -> BTreeSet<String> {
    empty_list(list, pointer, mistakes);
    names(list, pointer, mistakes)
}

fn names(list: &[String], pointer: &str, mistakes: &mut Mistakes) -> BTreeSet<String> {
    for (index, namespace) in list.iter().enumerate() {
        namespace_is_sound(namespace, format!("{pointer}/{index}"), mistakes);
    }
    list.iter().cloned().collect()
}

fn empty_list(list: &[String], pointer: &str, mistakes: &mut Mistakes) {
    if list.is_empty() {
        mistakes.add(
            pointer,
            "an empty list would match nothing; leave it out to match everything",
        );
    }
}

/// A word that stands in a list of a match.
trait Word: std::str::FromStr {
    const WORDS: &'static [&'static str];
}

impl Word for Kind {
    const WORDS: &'static [&'static str] = &{
        let mut words = [""; Self::ALL.len()];
        let mut index = 0;
        while index < words.len() {
            words[index] = Self::ALL[index].as_str();
            index += 1;
        }
        words
    };
}

impl Word for Change {
    const WORDS: &'static [&'static str] = &{
        let mut words = [""; Self::ALL.len()];
        let mut index = 0;
        while index < words.len() {
            words[index] = Self::ALL[index].as_str();
            index += 1;
        }
        words
    };
}

fn words<W: Word>(list: &[String], pointer: &str, mistakes: &mut Mistakes) -> Vec<W> {
    empty_list(list, pointer, mistakes);
    let mut read = |(index, text): (usize, &String)| {
        let word = text.parse().ok();
        if word.is_none() {
            let problem = yaml::Problem::UnknownWord {
                word: text.clone(),
                known: W::WORDS,
            };
            mistakes.add(format!("{pointer}/{index}"), problem.to_string());
        }
        word
    };
    list.iter().enumerate().filter_map(&mut read).collect()
}

fn selector(spec: &SelectorSpec, mistakes: &mut Mistakes) -> Selector {
    let equal = spec
        .match_labels
        .iter()
        .map(|(key, value)| Requirement::In(key.clone(), [value.clone()].into()));
    let expressions = spec.match_expressions.iter().enumerate();
    let further = expressions.map(|(index, expression)| {
        requirement(
            expression,
            &format!("/spec/match/labels/matchExpressions/{index}"),
            mistakes,
        )
    });
    Selector::new(equal.chain(further).collect())
}

fn requirement(spec: &ExpressionSpec, pointer: &str, mistakes: &mut Mistakes) -> Requirement {
    let wants_values = matches!(spec.operator, Operator::In | Operator::NotIn);
    match (wants_values, spec.values.is_empty()) {
        (true, true) => mistakes.add(
            pointer,
            format!("the operator `{:?}` needs `values`", spec.operator),
        ),
        (false, false) => {
            mistakes.add(
                format!("{pointer}/values"),
                format!("the operator `{:?}` takes no `values`", spec.operator),
            );
        }
        _ => {}
    }
    let values = || spec.values.iter().cloned().collect();
    match spec.operator {
        Operator::In => Requirement::In(spec.key.clone(), values()),
        Operator::NotIn => Requirement::NotIn(spec.key.clone(), values()),
        Operator::Exists => Requirement::Exists(spec.key.clone()),
        Operator::DoesNotExist => Requirement::DoesNotExist(spec.key.clone()),
    }
}
