//! The holder of the Lease at work on the guard: binds it, tries it, and puts back what others change.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use kube::Client;
use kube::api::Api;
use tokio::time::sleep;

use super::binding::{Bound, Enforcement};
use super::standing::Standing;
use super::trial::{Obstacle, Outcome, Trial};
use super::{Bindings, GuardError, failed};
use crate::cluster::switch::Switch;
use crate::cluster::{Events, Installation, Leadership, watching};
use crate::telemetry::{ReloadOutcome, ReloadSubject, Telemetry};

/// How often to look whether the controller still passes: its user may change with the control plane.
const TRY_AGAIN: Duration = Duration::from_secs(600);

/// How soon a trial that did not end well is repeated.
const RETRY: Duration = Duration::from_secs(120);

/// Until the API server may answer again, or what is missing may be there.
const SOON: Duration = Duration::from_secs(15);

/// Keeps the guard of revisions.
pub struct RevisionGuard {
    /// For requests.
    pub brief: Client,
    /// For watches.
    pub watching: Client,
    /// Whose it is.
    pub installation: Installation,
    /// The name of its ValidatingAdmissionPolicy; without one, there is to be no guard.
    pub policy: Option<String>,
    /// Where people are told.
    pub events: Events,
    /// Where machines are.
    pub telemetry: Telemetry,
}

/// What this holder knows of the trials.
#[derive(Default)]
struct Trials {
    next: Option<Instant>,
    /// How the guard was left bound after the last one.
    left: Option<Enforcement>,
}

impl Trials {
    /// Whether a guard that is bound like this is to be tried.
    fn due(&self, found: Enforcement) -> bool {
        self.left != Some(found) || self.next.is_none_or(|next| next <= Instant::now())
    }

    fn wait(&self) -> Duration {
        let wait = self.next.map(|next| next.duration_since(Instant::now()));
        wait.unwrap_or_default().max(LEAST)
    }

    fn done(&mut self, left: Enforcement, next_in: Duration) {
        self.left = Some(left);
        self.next = Some(Instant::now() + next_in);
    }
}

/// Between two looks at least, so that an answer that makes no sense makes no storm.
const LEAST: Duration = Duration::from_millis(200);

impl RevisionGuard {
    /// Keeps it whenever this replica holds the Lease, for ever.
    pub async fn run(self, mut leadership: Leadership) {
        loop {
            leadership.held().await;
            tokio::select! {
                () = leadership.lost() => {}
                () = self.keep() => {}
            }
            // From here on it is for another to tell.
            self.telemetry
                .reload(ReloadSubject::RevisionGuard, ReloadOutcome::Ok);
        }
    }

    async fn keep(&self) {
        let mut changes = self.changes();
        let mut switch = Switch::changes(&self.watching, &self.installation).boxed();
        let mut trials = Trials::default();
        loop {
            let step = tokio::select! {
                step = self.step(&mut trials) => step,
                // A trial takes its time, and a person who switches off has none.
                () = self.switched_off(&mut switch) => continue,
            };
            let wait = match step {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "the guard of revisions cannot be kept; trying again");
                    self.telemetry
                        .reload(ReloadSubject::RevisionGuard, ReloadOutcome::Failed);
                    SOON
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                Some(()) = changes.next() => {}
            }
        }
    }

    /// Waits until the Deployment changes and says `off`.
    async fn switched_off(&self, switch: &mut BoxStream<'static, ()>) {
        while let Some(()) = switch.next().await {
            let now = Switch::read(&self.brief, &self.installation).await;
            if matches!(now, Ok(Switch::Off)) {
                return;
            }
        }
        std::future::pending().await
    }

    /// Somebody has changed the binding, or switched rollgate on or off.
    fn changes(&self) -> BoxStream<'static, ()> {
        let bindings: Bindings = Api::all(self.watching.clone());
        let binding = watching::object(bindings, self.installation.guard_binding());
        let switch = Switch::changes(&self.watching, &self.installation);
        select_all([binding.map(drop).boxed(), switch.boxed()]).boxed()
    }

    /// Puts things in order, and says when to look again.
    async fn step(&self, trials: &mut Trials) -> Result<Duration, GuardError> {
        let bound = Bound {
            client: &self.brief,
            installation: &self.installation,
        };
        let policy = self.present_policy().await?;
        let switch = Switch::read(&self.brief, &self.installation).await;
        let switch = switch.map_err(failed("read the Deployment, which has the off switch"))?;
        match (&self.policy, policy, switch) {
            (None, ..) => {
                bound.unbind().await?;
                Ok(TRY_AGAIN)
            }
            (Some(_), policy, Switch::Off) => {
                bound.unbind().await?;
                if let Some(policy) = policy {
                    self.say(policy, &Standing::Off).await?;
                }
                *trials = Trials::default();
                Ok(TRY_AGAIN)
            }
            // Another version of the chart has another one; its replicas see to that.
            (Some(_), None, Switch::On) => Ok(SOON),
            (Some(_), Some(policy), Switch::On) => {
                self.guard(policy, &bound, trials).await?;
                Ok(trials.wait())
            }
        }
    }

    async fn present_policy(&self) -> Result<Option<&str>, GuardError> {
        let Some(name) = &self.policy else {
            return Ok(None);
        };
        let api: Api<ValidatingAdmissionPolicy> = Api::all(self.brief.clone());
        let read = api.get_opt(name).await;
        let read = read.map_err(failed("read the ValidatingAdmissionPolicy of the guard"))?;
        Ok(read.map(|_| name.as_str()))
    }

    async fn guard(
        &self,
        policy: &str,
        bound: &Bound<'_>,
        trials: &mut Trials,
    ) -> Result<(), GuardError> {
        let trial = Trial {
            client: &self.brief,
            installation: &self.installation,
            bound,
        };
        let outcome = match bound.enforcement(policy).await? {
            Some(found) if !trials.due(found) => return Ok(()),
            Some(Enforcement::Deny) => trial.again().await?,
            before => {
                if before.is_none() {
                    bound.bind(policy, Enforcement::Warn).await?;
                    self.say(policy, &Standing::OnTrial).await?;
                }
                let outcome = trial.of(policy).await?;
                if outcome == Outcome::Passed {
                    bound.bind(policy, Enforcement::Deny).await?;
                }
                outcome
            }
        };
        self.conclude(policy, outcome, bound, trials).await
    }

    /// Only what was seen to be refused takes a guard back that is in force: a controller manager that
    /// is away for a while does not.
    async fn conclude(
        &self,
        policy: &str,
        outcome: Outcome,
        bound: &Bound<'_>,
        trials: &mut Trials,
    ) -> Result<(), GuardError> {
        let standing = match outcome {
            Outcome::Passed => Standing::Enforced,
            Outcome::Failed(Obstacle::Silence(_))
                if bound.enforcement(policy).await? == Some(Enforcement::Deny) =>
            {
                Standing::Enforced
            }
            Outcome::Failed(obstacle) => {
                bound.bind(policy, Enforcement::Warn).await?;
                Standing::WarnsOnly(obstacle)
            }
        };
        match standing {
            Standing::Enforced => trials.done(Enforcement::Deny, TRY_AGAIN),
            _ => trials.done(Enforcement::Warn, RETRY),
        }
        self.say(policy, &standing).await
    }
}
