//! Leader election: the replica that holds the Lease writes for all.
//!
//! The Lease saves double work and is no lock. `kube-lease-manager` compares clocks of different
//! machines, and a replica that finds the Lease expired frees it without a precondition: after a holder
//! died, two may hold it for some seconds. So whatever the holder writes is what another one would
//! write, or carries a precondition.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};
use kube_lease_manager::{
    LeaseCreateMode, LeaseManager, LeaseManagerBuilder, LeaseManagerError, LeaseParams,
};
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Installation;

/// How long the Lease is valid after a renewal, in seconds: the longest time without a holder after one
/// died.
const DURATION: u64 = 15;

/// How long before its expiry the Lease is renewed, in seconds. More than
/// [`super::connection::REQUEST_TIMEOUT`], so that a holder that cannot reach the API server knows it
/// before another may take over.
const GRACE: u64 = 6;

const RETRY: Duration = Duration::from_secs(2);

/// How long releasing the Lease may take.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether this replica holds the Lease. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Leadership(watch::Receiver<bool>);

impl Leadership {
    pub(crate) fn holds(&self) -> bool {
        // Without a candidate, nobody renews it.
        self.0.has_changed().is_ok() && *self.0.borrow()
    }

    /// Waits until this replica holds the Lease.
    pub(crate) async fn held(&mut self) {
        if self.0.wait_for(|holds| *holds).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until this replica does not hold it.
    pub(crate) async fn lost(&mut self) {
        // Without a candidate, it counts as lost, too.
        let _ = self.0.wait_for(|holds| !*holds).await;
    }
}

/// Competes for the Lease on behalf of this replica.
pub(crate) struct Candidate {
    /// With short timeouts, or a holder that is cut off does not notice.
    client: Client,
    installation: Installation,
    identity: ReplicaName,
    holds: watch::Sender<bool>,
}

impl Candidate {
    pub(crate) fn new(
        client: Client,
        installation: Installation,
        identity: ReplicaName,
    ) -> (Self, Leadership) {
        let (holds, receiver) = watch::channel(false);
        let candidate = Self {
            client,
            installation,
            identity,
            holds,
        };
        (candidate, Leadership(receiver))
    }

    /// Acquires the Lease whenever it is free and renews it, until `stop` is done; then releases it.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let manager = tokio::select! {
                manager = self.manager() => manager,
                () = &mut stop => return,
            };
            tokio::select! {
                // Until the next report, another replica may hold the Lease. A manager that has failed
                // once reports no more, so the next attempt makes another one.
                error = self.follow(&manager) => self.lose(&error),
                () = &mut stop => return self.release(&manager).await,
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                () = &mut stop => return,
            }
        }
    }

    /// Tries until the Lease can be read. Logs a failure once and not every few seconds.
    async fn manager(&self) -> LeaseManager {
        let mut logged = false;
        loop {
            match self.open().await {
                Ok(manager) => return manager,
                Err(error) if logged => tracing::debug!(%error, "the Lease still cannot be read"),
                Err(error) => {
                    logged = true;
                    tracing::warn!(%error, lease = self.installation.name, "the Lease cannot be read; trying again until it can");
                }
            }
            sleep(RETRY).await;
        }
    }

    async fn open(&self) -> Result<LeaseManager, LeaseManagerError> {
        self.create().await?;
        let identity = self.identity.as_str();
        // One of its own for each replica, or the API server would see no conflict between two.
        let manager = format!("rollgate-{identity}");
        LeaseManagerBuilder::new(self.client.clone(), &self.installation.name)
            .with_namespace(&self.installation.namespace)
            .with_parameters(
                LeaseParams::new(identity, DURATION, GRACE).with_field_manager(manager),
            )
            .with_create_mode(LeaseCreateMode::UseExistent)
            .build()
            .await
    }

    /// Creates the Lease if there is none. The Deployment owns it, so that an uninstallation leaves none.
    async fn create(&self) -> Result<(), Error> {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &self.installation.namespace);
        if api.get_opt(&self.installation.name).await?.is_some() {
            return Ok(());
        }
        let owner = self.installation.deployment_owner(&self.client).await?;
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.installation.name.clone()),
                owner_references: owner.map(|owner| vec![owner]),
                ..ObjectMeta::default()
            },
            spec: None,
        };
        match api.create(&PostParams::default(), &lease).await {
            Err(Error::Api(status)) if status.is_already_exists() => Ok(()),
            done => done.map(drop),
        }
    }

    /// Watches the Lease until that fails.
    async fn follow(&self, manager: &LeaseManager) -> LeaseManagerError {
        loop {
            match manager.changed().await {
                Ok(holds) => {
                    self.holds.send_replace(holds);
                    let identity = self.identity.as_str();
                    if holds {
                        tracing::info!(identity, "this replica holds the Lease and writes for all");
                    } else {
                        tracing::info!(identity, "another replica writes for all");
                    }
                }
                Err(error) => return error,
            }
        }
    }

    fn lose(&self, error: &LeaseManagerError) {
        tracing::warn!(%error, lease = self.installation.name, "the Lease cannot be held or watched; trying again");
        self.holds.send_replace(false);
    }

    async fn release(&self, manager: &LeaseManager) {
        let held = self.holds.send_replace(false);
        if !held {
            return;
        }
        match timeout(RELEASE_TIMEOUT, manager.release()).await {
            Ok(Ok(())) => tracing::info!("the Lease is released"),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the Lease could not be released; it expires by itself")
            }
            Err(_) => {
                tracing::debug!("releasing the Lease takes too long; it expires by itself")
            }
        }
    }
}

/// The name of one replica, for the Lease and for Events. If two running replicas had the same, both
/// would take themselves for the holder of the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplicaName(String);

/// The name is part of a field manager, which has up to 128 characters.
const MAX_NAME: usize = 100;

/// The length of the random suffix of a generated name.
const SUFFIX: usize = 8;

impl ReplicaName {
    /// Generates a unique name that starts with the name of this host.
    pub(crate) fn generate() -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host
            .trim()
            .chars()
            .filter(char::is_ascii_graphic)
            .take(MAX_NAME - SUFFIX - 1)
            .collect();
        let suffix: String = rand::rng()
            .sample_iter(Alphanumeric)
            .take(SUFFIX)
            .map(|byte| char::from(byte).to_ascii_lowercase())
            .collect();
        Self(format!("{host}-{suffix}"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReplicaName {
    type Err = InvalidReplicaName;

    fn from_str(text: &str) -> Result<Self, InvalidReplicaName> {
        let sound = (1..=MAX_NAME).contains(&text.len())
            && text.chars().all(|character| character.is_ascii_graphic());
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidReplicaName)
        }
    }
}

impl fmt::Display for ReplicaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a replica's name is 1 to {MAX_NAME} ASCII characters without space")]
pub(crate) struct InvalidReplicaName;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_unique_and_valid() {
        let (one, other) = (ReplicaName::generate(), ReplicaName::generate());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one));
    }

    #[test]
    fn replica_name_without_spaces_and_up_to_100_characters_is_valid() {
        assert!("rollgate-7d9f-x2x".parse::<ReplicaName>().is_ok());
        for text in ["", "two words", "line\n", "ä", &"x".repeat(101)] {
            assert_eq!(
                text.parse::<ReplicaName>(),
                Err(InvalidReplicaName),
                "{text:?}"
            );
        }
    }
}
