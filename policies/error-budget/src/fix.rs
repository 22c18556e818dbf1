//! Fix-forward: whether the running version is what burns the budget, so that replacing it may help.

use rollgate_sdk::jiff::{SignedDuration, Timestamp};
use rollgate_sdk::status::{self, Started, WorkloadKind};
use rollgate_sdk::{Change, Failure, Rollout, clock, duration};

/// Whether a roll-forward may pass although the budget burns.
pub(crate) enum Fix {
    /// It may, where the budget burns only since this instant: the running version was rolled out
    /// then.
    Since(Timestamp),
    /// It may not, for a reason that people are told.
    No(String),
}

/// Reads when the running version was rolled out.
pub(crate) fn of(rollout: &Rollout<'_>, within: Option<SignedDuration>) -> Fix {
    let Some(within) = within else {
        return Fix::No("the settings never let a fix pass".to_owned());
    };
    let old = rollout.old();
    let kind = old.and_then(|old| WorkloadKind::of(&old.kind()));
    let Some((old, kind)) = old
        .zip(kind)
        .filter(|_| rollout.change() == Change::RollForward)
    else {
        return Fix::No("only a roll-forward replaces what burns".to_owned());
    };
    match started(kind, &old.namespace(), &old.name()) {
        Ok(Started::At(at)) => {
            let age = clock::now().duration_since(at);
            if age > within || age.is_negative() {
                let age = duration::show(age);
                return Fix::No(format!("the running version was rolled out {age} ago"));
            }
            Fix::Since(at)
        }
        Ok(Started::ByRollback) => Fix::No("the running version was rolled back to".to_owned()),
        Ok(Started::Unknown) => {
            Fix::No("nothing shows when the running version was rolled out".to_owned())
        }
        Err(failure) => Fix::No(failure.message),
    }
}

fn started(kind: WorkloadKind, namespace: &str, name: &str) -> Result<Started, Failure> {
    match status::workload(kind, namespace, name)? {
        Some(workload) => Ok(status::rollout_started(&workload)?),
        None => Ok(Started::Unknown),
    }
}
