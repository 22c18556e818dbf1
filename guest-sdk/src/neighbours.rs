//! The objects around a workload: Services, PodDisruptionBudgets, autoscalers and PriorityClasses.
//!
//! [`Neighbours`] reads them with [`cluster`](crate::cluster), so a policy needs grants for their
//! kinds, and `rollgate check` answers from the manifests that it checks. What could not be seen is
//! [`Seen::No`], and never an empty list: "there is no PodDisruptionBudget" and "nobody knows" are
//! different facts.

mod autoscaler;
mod budget;
mod fields;
mod priority;
mod selector;
mod service;

pub use autoscaler::{Autoscaler, AutoscalerKind};
pub use budget::Budget;
pub use priority::PriorityClass;
pub use selector::{LabelSelector, Operator, Requirement};
pub use service::{Service, ServicePort};

use crate::cluster::{self, ClusterError, ClusterErrorCode};
use crate::{Evidence, Failure, Workload};
use serde::de::DeserializeOwned;
use std::cell::{OnceCell, RefCell};

/// What is known of other objects.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Seen<T> {
    /// They were read.
    Yes(T),
    /// They could not be seen: the policy has no grant for their kind, rollgate has no cluster, or
    /// the manifests that it checks have no object of the kind.
    No,
}

impl<T> Seen<T> {
    /// Returns what was read.
    #[must_use]
    pub fn yes(self) -> Option<T> {
        match self {
            Self::Yes(value) => Some(value),
            Self::No => None,
        }
    }

    /// Returns a reference to what was read.
    pub const fn as_ref(&self) -> Seen<&T> {
        match self {
            Self::Yes(value) => Seen::Yes(value),
            Self::No => Seen::No,
        }
    }

    /// Converts what was read.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Yes(value) => Seen::Yes(convert(value)),
            Self::No => Seen::No,
        }
    }

    /// Returns whether something was read that meets the condition. What could not be seen does not
    /// meet it, nor its opposite.
    #[must_use]
    pub fn is_yes_and(self, condition: impl FnOnce(T) -> bool) -> bool {
        self.yes().is_some_and(condition)
    }
}

const SCALED_OBJECT: &str = "ScaledObject";

/// The objects around the workloads of one namespace. Each kind is read when a method asks for it
/// first, and then kept: the old and the new object are compared with the same neighbours.
///
/// ```no_run
/// use rollgate_sdk::neighbours::{Neighbours, Seen};
/// use rollgate_sdk::{Failure, Workload};
///
/// fn has_no_budget(workload: &Workload) -> Result<bool, Failure> {
///     let neighbours = Neighbours::of(workload);
///     Ok(match neighbours.budgets(workload)? {
///         Seen::Yes(budgets) => budgets.is_empty(),
///         Seen::No => false, // nobody knows
///     })
/// }
/// ```
pub struct Neighbours {
    namespace: String,
    services: OnceCell<Seen<Vec<Service>>>,
    budgets: OnceCell<Seen<Vec<Budget>>>,
    hpas: OnceCell<Seen<Vec<Autoscaler>>>,
    scaled_objects: OnceCell<Seen<Vec<Autoscaler>>>,
    not_seen: RefCell<Vec<(&'static str, String)>>,
    live_replicas: Option<i32>,
}

impl Neighbours {
    /// Returns the neighbours of a workload.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        Self::in_namespace(workload.namespace())
    }

    /// Returns the neighbours of the workloads of a namespace.
    #[must_use]
    pub fn in_namespace(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            services: OnceCell::new(),
            budgets: OnceCell::new(),
            hpas: OnceCell::new(),
            scaled_objects: OnceCell::new(),
            not_seen: RefCell::default(),
            live_replicas: None,
        }
    }

    /// Notes the workload as it is, before the change.
    pub(crate) fn with_old(mut self, old: Option<&Workload>) -> Self {
        self.live_replicas = old.and_then(Workload::replicas);
        self
    }

    /// Returns `spec.replicas` of the workload as it is: in a cluster, what an autoscaler or a person
    /// has set last. `None` for a new workload, and outside of a
    /// [`WorkloadCheck`](crate::WorkloadCheck).
    #[must_use]
    pub const fn live_replicas(&self) -> Option<i32> {
        self.live_replicas
    }

    /// Returns the Services that send traffic to Pods of the workload's template: their selector is
    /// not empty, and the template's labels meet it.
    ///
    /// # Errors
    /// The Services could not be read, for another reason than that they cannot be seen.
    pub fn services(&self, workload: &Workload) -> Result<Seen<Vec<&Service>>, Failure> {
        let all = self.read_once::<service::Object, _>(&self.services, "v1", "Service")?;
        let labels = workload.pod_labels();
        Ok(filtered(all, |service| service.selects(&labels)))
    }

    /// Returns the PodDisruptionBudgets whose selector selects Pods of the workload's template.
    ///
    /// # Errors
    /// As [`services`](Self::services).
    pub fn budgets(&self, workload: &Workload) -> Result<Seen<Vec<&Budget>>, Failure> {
        let all =
            self.read_once::<budget::Object, _>(&self.budgets, "policy/v1", "PodDisruptionBudget")?;
        let labels = workload.pod_labels();
        Ok(filtered(all, |budget| budget.selects(&labels)))
    }

    /// Returns the autoscaler that sets the workload's replicas: a KEDA ScaledObject, or a
    /// HorizontalPodAutoscaler, with the workload's kind and name in `scaleTargetRef`.
    ///
    /// `Yes(None)` means that HorizontalPodAutoscalers were seen and none has this target. Whether
    /// KEDA's could be seen does not matter then: most clusters have no KEDA, and where it runs, it
    /// creates a HorizontalPodAutoscaler for each ScaledObject.
    ///
    /// # Errors
    /// As [`services`](Self::services).
    pub fn autoscaler(&self, workload: &Workload) -> Result<Seen<Option<&Autoscaler>>, Failure> {
        let (kind, name) = (workload.kind(), workload.name());
        let target = |scaler: &&Autoscaler| scaler.targets(kind.as_str(), &name);
        let keda = self.read_once::<autoscaler::ScaledObject, _>(
            &self.scaled_objects,
            "keda.sh/v1alpha1",
            SCALED_OBJECT,
        )?;
        let found = keda.yes().into_iter().flatten().find(target);
        if found.is_some() {
            return Ok(Seen::Yes(found));
        }
        let hpas = self.read_once::<autoscaler::Hpa, _>(
            &self.hpas,
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
        )?;
        if matches!(hpas, Seen::Yes(_)) {
            let mut not_seen = self.not_seen.borrow_mut();
            not_seen.retain(|(kind, _)| *kind != SCALED_OBJECT);
        }
        Ok(hpas.map(|hpas| hpas.iter().find(target)))
    }

    /// Returns the PriorityClass with this name; `Yes(None)` where the cluster has none.
    ///
    /// # Errors
    /// As [`services`](Self::services).
    pub fn priority_class(&self, name: &str) -> Result<Seen<Option<PriorityClass>>, Failure> {
        self.read_one("scheduling.k8s.io/v1", "PriorityClass", "", name)
    }

    /// Returns `spec.accessModes` of the PersistentVolumeClaim with this name; empty where there is
    /// none.
    ///
    /// # Errors
    /// As [`services`](Self::services).
    pub fn access_modes(&self, claim: &str) -> Result<Seen<Vec<String>>, Failure> {
        let read = self.read_one("v1", "PersistentVolumeClaim", &self.namespace, claim)?;
        Ok(read
            .map(|claim: Option<fields::Claim>| claim.map_or_else(Vec::new, fields::Claim::modes)))
    }

    /// Returns a piece of evidence for each kind that was asked for and could not be seen, so that a
    /// verdict says which rules were not applied.
    #[must_use]
    pub fn not_seen(&self) -> Vec<Evidence> {
        let not_seen = self.not_seen.borrow();
        let evidence = |(kind, why): &(&'static str, String)| {
            Evidence::new(*kind, ["not seen: ", why].concat())
        };
        not_seen.iter().map(evidence).collect()
    }

    /// Reads the objects of a kind in the namespace, once.
    fn read_once<'a, O, T>(
        &'a self,
        cell: &'a OnceCell<Seen<Vec<T>>>,
        api_version: &str,
        kind: &'static str,
    ) -> Result<Seen<&'a Vec<T>>, Failure>
    where
        O: DeserializeOwned + Neighbour<T>,
    {
        if let Some(known) = cell.get() {
            return Ok(known.as_ref());
        }
        let read = match cluster::list::<O>(api_version, kind, &self.namespace, "") {
            Ok(objects) => {
                // Without a namespace, the list is of all of them.
                let here = objects
                    .into_iter()
                    .filter(|object| object.namespace() == self.namespace);
                Seen::Yes(here.map(O::into_neighbour).collect())
            }
            // A kind that the cluster does not serve has no objects.
            Err(error) if error.code == ClusterErrorCode::NotFound => Seen::Yes(Vec::new()),
            Err(error) => {
                self.unseen(kind, error)?;
                Seen::No
            }
        };
        Ok(cell.get_or_init(|| read).as_ref())
    }

    /// Reads one object; `Yes(None)` where there is none.
    fn read_one<T: DeserializeOwned>(
        &self,
        api_version: &str,
        kind: &'static str,
        namespace: &str,
        name: &str,
    ) -> Result<Seen<Option<T>>, Failure> {
        match cluster::get(api_version, kind, namespace, name) {
            Ok(object) => Ok(Seen::Yes(Some(object))),
            Err(error) if error.code == ClusterErrorCode::NotFound => Ok(Seen::Yes(None)),
            Err(error) => {
                self.unseen(kind, error)?;
                Ok(Seen::No)
            }
        }
    }

    /// Notes a kind that cannot be seen.
    ///
    /// # Errors
    /// It could be seen, and was not read for another reason.
    fn unseen(&self, kind: &'static str, error: ClusterError) -> Result<(), Failure> {
        match error.code {
            ClusterErrorCode::NotGranted | ClusterErrorCode::NotSeen => {
                let mut not_seen = self.not_seen.borrow_mut();
                if !not_seen.iter().any(|(noted, _)| *noted == kind) {
                    not_seen.push((kind, error.message));
                }
                Ok(())
            }
            _ => Err(error.into()),
        }
    }
}

/// An object as it is read, which becomes a neighbour.
trait Neighbour<T> {
    fn namespace(&self) -> &str;
    fn into_neighbour(self) -> T;
}

fn filtered<T>(all: Seen<&Vec<T>>, keep: impl Fn(&T) -> bool) -> Seen<Vec<&T>> {
    all.map(|all| all.iter().filter(|one| keep(one)).collect())
}
