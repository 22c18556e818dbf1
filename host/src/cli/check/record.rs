//! `--record`: evaluates one rollout, and writes its inputs as a scenario.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rollgate_model::scenario::{Expectation, Scenario};
use rollgate_model::{ClassifiedRequest, Failure, Rollout};

use super::evaluate::{self, Checked};
use super::gate;
use super::pairs::Subject;
use crate::admission::{Decision, NoVerdict};
use crate::config::PolicySet;
use crate::engine::EvaluationError;
use crate::sources::{Recorder, Sources};

/// Evaluates and records. A scenario is about one rollout, so there must be exactly one.
pub(super) async fn evaluate(
    set: &Arc<PolicySet>,
    sources: Sources,
    subjects: Vec<Subject>,
    file: &Path,
) -> anyhow::Result<Vec<Checked>> {
    let rollouts = subjects
        .iter()
        .filter(|subject| matches!(subject.classified, ClassifiedRequest::Rollout(_)))
        .count();
    if rollouts != 1 {
        bail!(
            "--record writes the scenario of one rollout, and there are {rollouts} here; name the file of one"
        );
    }
    let recorder = Recorder::default();
    let checked = evaluate::evaluate(&gate(set, recorder.wrap(sources)), subjects).await;
    let decision = checked.iter().find_map(Checked::decision);
    let decision = decision.context(
        "--record: no policy matches the rollout; name a file or folder with one by --policies",
    )?;
    let yaml = recorder.complete(scenario(decision)).to_yaml()?;
    std::fs::write(file, yaml).with_context(|| format!("--record {}", file.display()))?;
    Ok(checked)
}

/// Creates the scenario of a decision; metrics and objects are added later.
fn scenario(decision: &Decision) -> Scenario {
    let rollout = decision.rollout();
    let mut scenario = Scenario::named(format!(
        "{} of {}",
        rollout.change(),
        rollout.subject().name()
    ));
    scenario.dry_run = rollout.dry_run();
    scenario.new = rollout.new().map(|object| object.tree().into());
    scenario.old = rollout.old().map(|object| object.tree().into());
    scenario.set_baseline(rollout);
    // A scenario expects the verdict of one policy.
    if let [result] = decision.results() {
        scenario.expect = expectation(rollout, &result.verdict);
    }
    scenario
}

fn expectation(
    rollout: &Rollout,
    said: &Result<rollgate_model::Verdict, NoVerdict>,
) -> Option<Expectation> {
    let answer: Result<_, Failure> = match said {
        Ok(verdict) => Ok(verdict.clone()),
        Err(NoVerdict::Failed(EvaluationError::Failed(failure))) => Err(failure.clone()),
        Err(_) => return None,
    };
    Some(Expectation::of(rollout.change(), &answer))
}
