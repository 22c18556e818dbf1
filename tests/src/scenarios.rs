//! Scenarios judged in Wasm by the real engine, as `rollgate test` and a policy's own tests judge
//! them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rollgate::engine::{Engine, EvaluationError, LoadedPolicy, Review, Ungranted};
use rollgate::sources::{FirstUnanswered, Sources};
use rollgate_model::scenario::{Scenario, files};
use rollgate_model::{Failure, Verdict};

use crate::evaluation;

/// Holds a module to all scenarios of a folder.
///
/// # Panics
/// Where the module answers one otherwise than the scenario expects, naming each; and where there
/// are none.
pub async fn hold(module: &[u8], folder: &Path) {
    let engine = evaluation::engine();
    let mut loaded = Loaded {
        engine: &engine,
        module,
        policies: Vec::new(),
    };
    let files = files(folder).expect("the folder can be read");
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
    let rollout = scenario.rollout().map_err(|error| error.to_string())?;
    let change = rollout.change();
    let unanswered = Arc::new(FirstUnanswered::default());
    let sources = Sources::of_scenario_alone(Arc::clone(&scenario), Arc::clone(&unanswered));
    let review = Arc::new(Review::new("test".into(), rollout, sources));
    let said = evaluation::evaluate(loaded.with(&scenario).await?, &review).await;
    if let Some(question) = unanswered.question() {
        return Err(question.to_string());
    }
    let answer = answer(said)?;
    expected
        .check(change, &answer)
        .map_err(|mismatch| mismatch.to_string())
}

/// What the policy itself said; all else went wrong around it.
fn answer(said: Result<Verdict, EvaluationError>) -> Result<Result<Verdict, Failure>, String> {
    match said {
        Ok(verdict) => match verdict.check_contract() {
            Ok(()) => Ok(Ok(verdict)),
            Err(broken) => Err(broken.to_string()),
        },
        Err(EvaluationError::Failed(failure)) => Ok(Err(failure)),
        Err(other) => Err(other.to_string()),
    }
}

/// The policy, loaded once for all scenarios with the same settings.
struct Loaded<'a> {
    engine: &'a Engine,
    module: &'a [u8],
    policies: Vec<(String, LoadedPolicy)>,
}

impl Loaded<'_> {
    async fn with(&mut self, scenario: &Scenario) -> Result<&LoadedPolicy, String> {
        let settings = scenario.own_settings();
        let same = |(have, _): &(String, _)| *have == settings;
        let at = match self.policies.iter().position(same) {
            Some(at) => at,
            None => {
                let mut request = evaluation::load_request(self.module, &settings);
                request.grants.ungranted = Ungranted::Made;
                // The verdict is the question here, however busy the machine is.
                request.limits.cpu = Duration::from_secs(5);
                request.limits.timeout = Duration::from_secs(30);
                let policy = self
                    .engine
                    .load(request)
                    .await
                    .map_err(|error| error.to_string())?;
                self.policies.push((settings, policy));
                self.policies.len() - 1
            }
        };
        Ok(&self.policies[at].1)
    }
}
