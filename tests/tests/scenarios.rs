//! Every scenario of the bundled policies, judged in Wasm by the real engine. The crates' own
//! tests judge the same files natively; both are held to the same verdict.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rollgate::config::builtin;
use rollgate::engine::{ClusterGrant, Engine, EvaluationError, Grants, LoadedPolicy, Review};
use rollgate::sources::{FixedClock, Sources};
use rollgate_model::scenario::Scenario;
use rollgate_model::{Failure, Reviewed, Verdict};
use rollgate_tests::judging;

#[tokio::test(flavor = "multi_thread")]
async fn probes() {
    hold("probes").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_window() {
    hold("time-window").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_threshold() {
    hold("metrics-threshold").await;
}

/// Holds a bundled policy to all of its scenarios.
async fn hold(policy: &str) {
    let engine = judging::engine();
    let mut loaded = Loaded {
        engine: &engine,
        policy,
        policies: Vec::new(),
    };
    let files = scenarios_of(policy);
    assert!(!files.is_empty(), "{policy} has no scenarios");
    let mut wrong = Vec::new();
    for file in &files {
        if let Err(why) = answers_as_expected(file, &mut loaded).await {
            wrong.push(format!("{}: {why}", file.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}

async fn answers_as_expected(file: &Path, loaded: &mut Loaded<'_>) -> Result<(), String> {
    let scenario = Arc::new(Scenario::load(file).map_err(|error| error.to_string())?);
    let expected = scenario.expect.as_ref().ok_or("it expects nothing")?;
    let Reviewed::Rollout(rollout) = scenario.review().map_err(|error| error.to_string())? else {
        return Err("it is no rollout".into());
    };
    let change = rollout.change();
    let otherwise = Arc::new(FixedClock(
        "2026-01-01T00:00:00Z".parse().expect("an instant"),
    ));
    let sources = Sources::of_scenario(Arc::clone(&scenario), otherwise);
    let review = Arc::new(Review::new("test".into(), *rollout, sources));
    let answer = answer(judging::judge(loaded.with(&scenario).await?, &review).await)?;
    expected
        .check(change, &answer)
        .map_err(|mismatch| mismatch.to_string())
}

/// What the policy itself said; all else went wrong around it.
fn answer(said: Result<Verdict, EvaluationError>) -> Result<Result<Verdict, Failure>, String> {
    match said {
        Ok(verdict) => Ok(Ok(verdict)),
        Err(EvaluationError::Failed(failure)) => Ok(Err(failure)),
        Err(other) => Err(other.to_string()),
    }
}

/// The policy, loaded once for all scenarios with the same settings and grants.
struct Loaded<'a> {
    engine: &'a Engine,
    policy: &'a str,
    policies: Vec<(String, Grants, LoadedPolicy)>,
}

impl Loaded<'_> {
    async fn with(&mut self, scenario: &Scenario) -> Result<&LoadedPolicy, String> {
        let (settings, grants) = (scenario.settings.to_string(), grants(scenario));
        let same =
            |(have, granted, _): &(String, Grants, _)| *have == settings && *granted == grants;
        let at = match self.policies.iter().position(same) {
            Some(at) => at,
            None => {
                let module = builtin::module(self.policy).ok_or("it is not bundled")?;
                let mut request = judging::load_request(module, &settings);
                request.grants = grants.clone();
                // The verdict is the question here, however busy the machine is.
                request.limits.cpu = Duration::from_secs(5);
                request.limits.timeout = Duration::from_secs(30);
                let policy = self
                    .engine
                    .load(request)
                    .await
                    .map_err(|error| error.to_string())?;
                self.policies.push((settings, grants, policy));
                self.policies.len() - 1
            }
        };
        Ok(&self.policies[at].2)
    }
}

/// Leave to ask for all that the scenario answers.
fn grants(scenario: &Scenario) -> Grants {
    let kinds: BTreeSet<(&str, &str)> = scenario
        .objects
        .iter()
        .flatten()
        .filter_map(|object| Some((object["apiVersion"].as_str()?, object["kind"].as_str()?)))
        .collect();
    Grants {
        metrics: scenario
            .metrics
            .iter()
            .map(|entry| entry.source.clone())
            .collect(),
        cluster: kinds
            .into_iter()
            .map(|(api_version, kind)| ClusterGrant {
                api_version: api_version.into(),
                kind: kind.into(),
                namespaces: None,
            })
            .collect(),
    }
}

fn scenarios_of(policy: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../policies")
        .join(policy);
    let entries = fs::read_dir(folder.join("scenarios")).expect("the policy has scenarios");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    files
}
