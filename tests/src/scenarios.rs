//! Scenarios judged in Wasm by the real engine, as `rollgate test` and a policy's own tests judge
//! them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rollgate::engine::{ClusterGrant, Engine, EvaluationError, Grants, LoadedPolicy, Review};
use rollgate::sources::{FixedClock, Sources};
use rollgate_model::scenario::Scenario;
use rollgate_model::{Failure, Reviewed, Verdict};

use crate::judging;

/// Holds a module to all scenarios of a folder.
///
/// # Panics
/// Where the module answers one otherwise than the scenario expects, naming each; and where there
/// are none.
pub async fn hold(module: &[u8], folder: &Path) {
    let engine = judging::engine();
    let mut loaded = Loaded {
        engine: &engine,
        module,
        policies: Vec::new(),
    };
    let files = scenarios_in(folder);
    assert!(!files.is_empty(), "{} has no scenarios", folder.display());
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
        Ok(verdict) => match verdict.keeps_contract() {
            Ok(()) => Ok(Ok(verdict)),
            Err(broken) => Err(broken.to_string()),
        },
        Err(EvaluationError::Failed(failure)) => Ok(Err(failure)),
        Err(other) => Err(other.to_string()),
    }
}

/// The policy, loaded once for all scenarios with the same settings and grants.
struct Loaded<'a> {
    engine: &'a Engine,
    module: &'a [u8],
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
                let mut request = judging::load_request(self.module, &settings);
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

fn scenarios_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("no scenarios in {}: {error}", folder.display()));
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
