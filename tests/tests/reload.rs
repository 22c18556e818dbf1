//! Reading policies again: what did not change keeps the form in which it was loaded.

use std::fs;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::BoxFuture;
use rollgate::config::{
    self, Action, MatchInput, Matching, ModuleDigest, NamespaceLabels, OnError, Policy, PolicySet,
    State, builtin,
};
use rollgate::engine::{Engine, LoadedPolicy, Module};
use rollgate::sources::{
    Access, Cluster, Disconnected, KindRef, ListQuery, ObjectRef, Reading, Scope,
};
use rollgate_model::{ClusterError, Rollout};
use rollgate_tests::evaluation;
use rollgate_tests::files::Files;
use serde_json::json;
use tempfile::TempDir;

/// A folder of policies, loaded again and again by one engine.
struct Folder {
    files: TempDir,
    engine: Engine,
    cluster: Counting,
    in_force: PolicySet,
}

const CHANGING: &str = "changing";
const SPEC: &str = "module: {file: changing.wasm}";

impl Folder {
    /// Two policies in force: the one that changes, and its neighbour.
    async fn in_force() -> Self {
        let mut folder = Self {
            files: TempDir::new().expect("a folder"),
            engine: evaluation::engine(),
            cluster: Counting::default(),
            in_force: PolicySet::default(),
        };
        folder.put("changing.wasm", probes());
        folder.policy("neighbour", "module: {builtin: probes}");
        folder.policy(CHANGING, SPEC);
        assert_eq!(folder.prepared().await, [CHANGING, "neighbour"]);
        folder
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.files.path().join(name), bytes).expect("written");
    }

    fn policy(&self, name: &str, spec: &str) {
        let text = format!(
            "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n"
        );
        self.put(&format!("{name}.yaml"), text);
    }

    /// Puts the folder in force as it is now, and names the policies that were prepared for it.
    async fn prepared(&mut self) -> Vec<String> {
        let configuration = config::read(&[self.files.path().to_owned()]);
        assert_eq!(configuration.problems, []);
        let set = config::load(&self.engine, &configuration, &self.cluster, &self.in_force).await;
        let prepared = set.prepared_since(&self.in_force);
        let mut prepared: Vec<_> = prepared.map(ToString::to_string).collect();
        prepared.sort();
        self.in_force = set;
        prepared
    }

    fn changing(&self) -> &Policy {
        let mut policies = self.in_force.policies().iter();
        policies
            .find(|policy| policy.name.as_str() == CHANGING)
            .expect("it is in force")
    }

    fn loaded(&self) -> Arc<LoadedPolicy> {
        match &self.changing().state {
            State::Ready(loaded) => Arc::clone(loaded),
            State::Loading(_) => panic!("it is loaded to the end"),
            State::Refused(refusal) => panic!("refused: {refusal}"),
        }
    }
}

/// No cluster, which counts how often it is asked for rights.
#[derive(Default)]
struct Counting {
    asked: AtomicU32,
}

impl Cluster for Counting {
    fn get<'a>(
        &'a self,
        object: ObjectRef<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Arc<str>, ClusterError>> {
        Disconnected.get(object, reading)
    }

    fn list<'a>(
        &'a self,
        query: ListQuery<'a>,
        reading: Reading,
    ) -> BoxFuture<'a, Result<Vec<Arc<str>>, ClusterError>> {
        Disconnected.list(query, reading)
    }

    fn access<'a>(&'a self, _: KindRef<'a>, _: Scope<'a>) -> BoxFuture<'a, Access> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(ready(Access::Granted))
    }
}

fn probes() -> Vec<u8> {
    builtin::module("probes").expect("bundled").to_owned()
}

/// The same module with an empty custom section at its end.
fn probes_built_anew() -> Vec<u8> {
    [probes(), b"\0\x02\x01x".to_vec()].concat()
}

#[tokio::test]
async fn policy_with_equal_content_is_not_prepared_again() {
    let mut folder = Folder::in_force().await;
    folder.policy(
        CHANGING,
        "settings: {limits: {execPeriodSeconds: 3}, existing: deny}\n  module: {file: changing.wasm}",
    );
    assert_eq!(folder.prepared().await, [CHANGING]);
    let loaded = folder.loaded();
    folder.put("changing.wasm", probes());
    folder.policy(
        CHANGING,
        "# The same.\n  module:\n    file: ./changing.wasm\n  settings:\n    existing: deny\n    limits: {execPeriodSeconds: 3}",
    );
    assert_eq!(folder.prepared().await, Vec::<String>::new());
    assert!(Arc::ptr_eq(&loaded, &folder.loaded()));
}

#[tokio::test]
async fn changed_module_file_is_prepared_again() {
    let mut folder = Folder::in_force().await;
    let before = folder.loaded();
    folder.put("changing.wasm", probes_built_anew());
    assert_eq!(folder.prepared().await, [CHANGING]);
    assert_ne!(before.digest(), folder.loaded().digest());
}

#[tokio::test]
async fn renamed_module_file_is_not_prepared_again() {
    let mut folder = Folder::in_force().await;
    let before = folder.loaded();
    folder.put("renamed.wasm", probes());
    folder.policy(CHANGING, "module: {file: renamed.wasm}");
    assert_eq!(folder.prepared().await, Vec::<String>::new());
    assert!(Arc::ptr_eq(&before, &folder.loaded()));
}

#[tokio::test]
async fn policy_with_changed_settings_limits_or_grants_is_prepared_again() {
    let mut folder = Folder::in_force().await;
    for changed in [
        "settings: {existing: deny}",
        "memory: 32Mi",
        "cpu: 50ms",
        "timeout: 1s",
        "grants: {cluster: [{apiVersion: v1, kind: Pod}]}",
        "grants: {cluster: [{apiVersion: v1, kind: Pod, namespaces: [shop]}]}",
    ] {
        folder.policy(CHANGING, &format!("{SPEC}\n  {changed}"));
        assert_eq!(folder.prepared().await, [CHANGING], "{changed}");
        assert_eq!(folder.prepared().await, Vec::<String>::new(), "{changed}");
    }
}

fn judges(policy: &Policy, rollout: &Rollout) -> bool {
    let candidate = MatchInput::of(rollout, &NamespaceLabels::NotNeeded);
    policy.matches.matching(candidate) != Matching::No
}

#[tokio::test]
async fn changed_match_action_and_on_error_apply_without_preparing_again() {
    let mut folder = Folder::in_force().await;
    let before = folder.loaded();
    let create = evaluation::creation(json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": "cart:1"}]}}}
    }));
    assert!(judges(folder.changing(), &create));
    folder.policy(
        CHANGING,
        &format!("{SPEC}\n  action: Warn\n  onError: Allow\n  match: {{changes: [resume]}}"),
    );
    assert_eq!(folder.prepared().await, Vec::<String>::new());
    assert!(Arc::ptr_eq(&before, &folder.loaded()));
    let changed = folder.changing();
    assert_eq!(
        (changed.action, changed.on_error),
        (Action::Warn, OnError::Allow)
    );
    assert!(!judges(changed, &create));
}

#[tokio::test]
async fn refused_policy_is_prepared_again_and_others_are_not() {
    let mut folder = Folder::in_force().await;
    fs::remove_file(folder.files.path().join("changing.wasm")).expect("removed");
    assert_eq!(folder.prepared().await, Vec::<String>::new());
    assert!(matches!(folder.changing().state, State::Refused(_)));
    folder.put("changing.wasm", probes());
    assert_eq!(folder.prepared().await, [CHANGING]);
}

#[tokio::test]
async fn another_engine_prepares_all_policies() {
    let mut folder = Folder::in_force().await;
    folder.engine = evaluation::engine();
    assert_eq!(folder.prepared().await, [CHANGING, "neighbour"]);
}

#[tokio::test]
async fn rights_for_equal_grants_are_checked_once() {
    let mut folder = Folder::in_force().await;
    let granted = "module: {builtin: probes}\n  grants: {cluster: [{apiVersion: v1, kind: Pod}, {apiVersion: v1, kind: Event}]}";
    folder.policy(CHANGING, granted);
    folder.policy("neighbour", granted);
    assert_eq!(folder.prepared().await, [CHANGING, "neighbour"]);
    assert_eq!(folder.cluster.asked.load(Ordering::Relaxed), 2);
    assert_eq!(folder.prepared().await, Vec::<String>::new());
    assert_eq!(folder.cluster.asked.load(Ordering::Relaxed), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_logs_which_policies_it_prepared_and_kept() {
    let policy = |name: &str, action: &str| {
        format!(
            "apiVersion: rollgate.dev/v1alpha1\nkind: ClusterRolloutPolicy\nmetadata: {{name: {name}}}\n\
             spec: {{module: {{builtin: probes}}, {action}}}\n"
        )
    };
    let files = Files::new();
    files.put("one.yaml", policy("one", "action: Warn").as_bytes());
    files.put("two.yaml", policy("two", "action: Warn").as_bytes());
    let server = files.serve(&[]);
    let first = server.logged("policies are active");
    assert_eq!((&first["ready"], &first["kept"]), (&json!(2), &json!(0)));
    files.put("two.yaml", policy("two", "timeout: 1s").as_bytes());
    let second = server.logged("policies are active");
    assert_eq!((&second["ready"], &second["kept"]), (&json!(2), &json!(1)));
    assert_eq!(second["prepared"], "[\"two\"]");
    let (_, metrics) = server.get("/metrics").await;
    assert!(
        metrics.contains("rollgate_policies{state=\"ready\"} 2"),
        "{metrics}"
    );
}

#[tokio::test]
async fn module_with_the_pinned_digest_is_loaded_and_another_is_refused_with_both_digests() {
    let mut folder = Folder::in_force().await;
    let (pinned, other) = (digest(&probes()), digest(&probes_built_anew()));
    let spec = format!("module: {{file: changing.wasm, digest: '{pinned}'}}");
    folder.policy(CHANGING, &spec);
    folder.prepared().await;
    assert_eq!(format!("sha256:{}", folder.loaded().digest()), pinned);

    folder.put("changing.wasm", probes_built_anew());
    folder.prepared().await;
    let State::Refused(refusal) = &folder.changing().state else {
        panic!("it is not the pinned one");
    };
    let [problem] = &refusal.problems[..] else {
        panic!("one problem: {refusal}");
    };
    let said = problem.to_string();
    assert!(said.contains(&pinned) && said.contains(&other), "{said}");
    assert!(said.contains("changing.yaml:5:"), "{said}");

    folder.put("changing.wasm", probes());
    folder.prepared().await;
    folder.loaded();
}

#[tokio::test]
async fn bundled_module_can_be_pinned() {
    let mut folder = Folder::in_force().await;
    let spec = |digest: &str| format!("module: {{builtin: probes, digest: '{digest}'}}");
    folder.policy(CHANGING, &spec(&digest(&probes())));
    folder.prepared().await;
    folder.loaded();
    folder.policy(CHANGING, &spec(&digest(&probes_built_anew())));
    folder.prepared().await;
    assert!(matches!(folder.changing().state, State::Refused(_)));
}

fn digest(module: &[u8]) -> String {
    ModuleDigest::of(&Module::new(module.into())).to_string()
}
