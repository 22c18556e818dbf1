//! Classifies the update of a workload that has Pods of its own.

use crate::json::Value;

use super::history::History;
use super::template::{self, Difference, Template};
use super::{Class, FirstPass, Question, argo, pending};
use crate::change::Change;
use crate::defaults::pulled_tag;
use crate::request::Requester;
use crate::tags::MutableTags;
use crate::workload::Workload;

const ARGO_RESTART: &str = "Argo Rollouts restarts the Pods: `spec.restartAt` changed";
const MORE_THAN_A_RESTART: &str =
    "this request also lets a pending template roll out, so it is more than a restart";
const LOOSENED: &str = "`spec.strategy` changed in a way that may let a pending template roll out";

pub(super) fn updated(
    requester: Requester,
    old: &Workload,
    new: &Workload,
    tags: &MutableTags,
) -> FirstPass {
    let restart = match Template::of(old).compare(Template::of(new)) {
        Difference::At(_) => return FirstPass::NeedsHistory(Question::TemplateReplaced),
        Difference::Ignored => Some(restart_note(old, new)),
        Difference::None if argo::restarts(old, new) => Some(Some(ARGO_RESTART)),
        Difference::None => None,
    };
    if let Some((change, note)) = continued(requester, old, new) {
        let more = || restart.map(|_| MORE_THAN_A_RESTART.to_owned());
        return FirstPass::NeedsHistory(Question::RolloutContinued {
            change,
            note: note.or_else(more),
        });
    }
    if let Some(note) = restart.and_then(|_| image_pulled_again(new, tags)) {
        return FirstPass::NeedsHistory(Question::ImagePulledAgain { note });
    }
    FirstPass::Decided(match restart {
        Some(note) => Class::without_undo(Change::Restart, note.map(str::to_owned)),
        None if old.replicas() != new.replicas() => scaled(requester),
        None => Class::NotARollout {
            why: "the Pod template is the same, and no pending template rolls out",
        },
    })
}

/// Classifies an update to another template.
pub(super) fn template_replaced(history: &History<'_>, new: &Workload) -> Class {
    let (change, note) = match history.goes_back(new) {
        Some(note) => (Change::Rollback, Some(note)),
        None => (Change::RollForward, history.why_no_rollback(new)),
    };
    Class::Rollout {
        change,
        note,
        undo: history.undo(),
    }
}

/// Classifies an update that lets a pending template roll out.
pub(super) fn rollout_continued(
    history: &History<'_>,
    new: &Workload,
    change: Change,
    note: Option<String>,
) -> Class {
    let (change, note) = match history.older_than_running(new) {
        Some(note) => (Change::Rollback, Some(note)),
        None => (change, note.or_else(|| history.unreadable())),
    };
    Class::Rollout {
        change,
        note,
        undo: history.undo(),
    }
}

/// Argo's controller scales a Deployment that a Rollout takes its template from, as it scales its
/// own ReplicaSets.
const fn scaled(requester: Requester) -> Class {
    match requester {
        Requester::ArgoController => Class::NotARollout {
            why: "Argo Rollouts' controller moves replicas from one workload to another",
        },
        Requester::Other => Class::without_undo(Change::Scale, None),
    }
}

/// Whether a pending template rolls out, and as which class.
fn continued(
    requester: Requester,
    old: &Workload,
    new: &Workload,
) -> Option<(Change, Option<String>)> {
    let retried = match argo::status_command(requester, old, new) {
        Some(argo::StatusCommand::Promote { note }) => return Some((Change::Release, note)),
        Some(argo::StatusCommand::Retry) => true,
        None => false,
    };
    let resumed = pending::resumes(old, new) || retried;
    let loosened = argo::loosens(old, new);
    if !(resumed || loosened) || !pending::is_pending(old) {
        return None;
    }
    Some(if resumed {
        (Change::Resume, None)
    } else {
        (Change::Release, Some(LOOSENED.to_owned()))
    })
}

fn restart_note(old: &Workload, new: &Workload) -> Option<&'static str> {
    if old.template_ref() != new.template_ref() {
        return Some("the template is the same, and is in another object now");
    }
    let obvious = template::restarted_at(old) != template::restarted_at(new);
    (!obvious).then_some("the template differs only in a label that controllers write")
}

/// Returns a note where restarted Pods may run another image: they pull it by a tag that may have
/// moved. Under `IfNotPresent`, a node that has an image with this name does not pull it again.
fn image_pulled_again(workload: &Workload, tags: &MutableTags) -> Option<String> {
    if let Some(why) = workload.no_template() {
        return Some(format!("this restart may ship other code: {why}"));
    }
    let moves = |image: &str, policy: &str| {
        policy == "Always" && pulled_tag(image).is_some_and(|tag| tags.contain(tag))
    };
    let containers = workload.containers().iter().map(|container| {
        let policy = container.image_pull_policy.as_str();
        (
            "container",
            container.name.as_str(),
            container.image.as_str(),
            policy,
        )
    });
    containers
        .chain(image_volumes(workload))
        .find(|(_, _, image, policy)| moves(image, policy))
        .map(|(what, name, image, _)| format!(
            "this restart may ship other code: {what} `{name}` pulls `{image}` again (pull policy Always), and that tag may name another image now; with a version or digest of its own it would be a restart"
        ))
}

/// Returns name, image and pull policy of each volume that is an image.
fn image_volumes(workload: &Workload) -> impl Iterator<Item = (&str, &str, &str, &str)> {
    let volumes = workload
        .json("/spec/template/spec/volumes")
        .and_then(Value::as_array);
    volumes.into_iter().flatten().filter_map(|volume| {
        let image = volume.get("image")?;
        Some((
            "image volume",
            volume.get("name")?.as_str()?,
            image.get("reference")?.as_str()?,
            image.get("pullPolicy")?.as_str()?,
        ))
    })
}
