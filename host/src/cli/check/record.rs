//! `--record`: judges one rollout and writes the world it was judged in down as a scenario.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rollgate_model::scenario::{Expectation, Scenario};
use rollgate_model::{Failure, Reviewed, Rollout};

use super::gate;
use super::judge::{self, Checked, Evaluation};
use super::pairs::Subject;
use crate::admission::{Decision, NoVerdict};
use crate::config::PolicySet;
use crate::engine::EvaluationError;
use crate::sources::{Recorder, Sources};

/// Judges and records; a scenario tells of one rollout, so there must be one.
pub(super) async fn judge(
    set: &Arc<PolicySet>,
    sources: Sources,
    subjects: Vec<Subject>,
    file: &Path,
) -> anyhow::Result<Vec<Checked>> {
    let rollouts = subjects
        .iter()
        .filter(|subject| matches!(subject.reviewed, Reviewed::Rollout(_)))
        .count();
    if rollouts != 1 {
        bail!(
            "--record writes the scenario of one rollout, and there are {rollouts} here; name the file of one"
        );
    }
    let recorder = Recorder::default();
    let checked = judge::judge(&gate(set, recorder.wrap(sources)), subjects).await;
    let decision = checked.iter().find_map(|checked| match &checked.outcome {
        Evaluation::Decided(decision) => Some(decision),
        Evaluation::NoRollout(_) | Evaluation::NoPolicy => None,
    });
    let decision = decision.context(
        "--record: no policy judged the rollout; give --policies a file or folder with one",
    )?;
    let yaml = recorder.complete(scenario(decision)).to_yaml()?;
    std::fs::write(file, yaml).with_context(|| format!("--record {}", file.display()))?;
    Ok(checked)
}

/// The scenario of a decision, its world still to be filled in.
fn scenario(decision: &Decision) -> Scenario {
    let rollout = decision.rollout();
    let mut scenario = Scenario::named(format!(
        "{} of {}",
        rollout.change(),
        rollout.subject().name()
    ));
    scenario.dry_run = rollout.dry_run();
    scenario.new = rollout.new().map(|object| object.tree().clone());
    scenario.old = rollout.old().map(|object| object.tree().clone());
    scenario.set_baseline(rollout);
    // A scenario expects the verdict of one policy; of several, none can be said to be meant.
    if let [judged] = decision.results() {
        scenario.expect = expectation(rollout, &judged.verdict);
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
