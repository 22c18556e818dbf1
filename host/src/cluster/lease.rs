//! Which of the replicas writes for all: the one that holds the Lease.
//!
//! Holding it saves double work and is no lock. `kube-lease-manager` compares clocks of different
//! machines, and a replica that finds the Lease expired frees it without a precondition: right after
//! a holder died, two may hold it for some seconds. So whatever the holder writes is the same that
//! another would write, or carries a precondition of its own.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, Error};
use kube_lease_manager::{
    LeaseCreateMode, LeaseManager, LeaseManagerBuilder, LeaseManagerError, LeaseParams,
};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::{Identity, Installation, ownership};

/// How long a Lease counts after it was renewed, in seconds: the longest time without a holder after
/// one died.
const DURATION: u64 = 15;

/// How long before its end it is renewed, in seconds. More than [`super::connection::BRIEF`], so that
/// a holder who cannot reach the API server knows it before another may take over.
const GRACE: u64 = 6;

/// Between two attempts to get at a Lease that cannot be read or written.
const RETRY: Duration = Duration::from_secs(2);

/// How long giving the Lease back may hold up the end of the process.
const FAREWELL: Duration = Duration::from_secs(2);

/// Whether this replica holds the Lease. Clones follow the same one.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<bool>);

impl Leadership {
    /// Whether it does now.
    #[must_use]
    pub fn holds(&self) -> bool {
        // Without a candidate nobody renews it.
        self.0.has_changed().is_ok() && *self.0.borrow()
    }

    /// Waits until it does.
    pub async fn held(&mut self) {
        if self.0.wait_for(|holds| *holds).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it no longer does.
    pub async fn lost(&mut self) {
        // Without a candidate it is lost as well.
        let _ = self.0.wait_for(|holds| !*holds).await;
    }
}

/// Stands for election, for this replica.
pub struct Candidate {
    /// Whose requests end soon: see [`super::Connection::brief_client`].
    client: Client,
    installation: Installation,
    identity: Identity,
    tell: watch::Sender<bool>,
}

impl Candidate {
    /// A candidate for the Lease of an installation. The client's requests must end soon, or a
    /// holder that is cut off does not learn of it.
    #[must_use]
    pub fn new(
        client: Client,
        installation: Installation,
        identity: Identity,
    ) -> (Self, Leadership) {
        let (tell, told) = watch::channel(false);
        let candidate = Self {
            client,
            installation,
            identity,
            tell,
        };
        (candidate, Leadership(told))
    }

    /// Takes the Lease whenever it is free and renews it, until `stop` is done; then gives it back.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let manager = tokio::select! {
                manager = self.manager() => manager,
                () = &mut stop => return,
            };
            tokio::select! {
                // As long as nothing is heard of it, the Lease may be another's. A manager that has
                // failed once does not tell, so the next attempt begins with another one.
                error = self.follow(&manager) => self.lose(&error),
                () = &mut stop => return self.give_back(&manager).await,
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                () = &mut stop => return,
            }
        }
    }

    /// Tries until the Lease can be read. What is wrong is told once and not every few seconds.
    async fn manager(&self) -> LeaseManager {
        let mut told = false;
        loop {
            match self.open().await {
                Ok(manager) => return manager,
                Err(error) if told => tracing::debug!(%error, "the Lease still cannot be read"),
                Err(error) => {
                    told = true;
                    tracing::warn!(%error, lease = self.installation.name, "the Lease cannot be read; trying again until it can");
                }
            }
            sleep(RETRY).await;
        }
    }

    async fn open(&self) -> Result<LeaseManager, LeaseManagerError> {
        self.create().await?;
        let identity = self.identity.as_str();
        // Ours alone, or the API server would not see a conflict between two replicas.
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

    /// The Lease goes with the Deployment, so that an uninstallation leaves none.
    async fn create(&self) -> Result<(), Error> {
        let api: Api<Lease> = Api::namespaced(self.client.clone(), &self.installation.namespace);
        if api.get_opt(&self.installation.name).await?.is_some() {
            return Ok(());
        }
        let owner = ownership::deployment(&self.client, &self.installation).await?;
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

    /// Follows the Lease until that fails.
    async fn follow(&self, manager: &LeaseManager) -> LeaseManagerError {
        loop {
            match manager.changed().await {
                Ok(holds) => {
                    self.tell.send_replace(holds);
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
        self.tell.send_replace(false);
    }

    async fn give_back(&self, manager: &LeaseManager) {
        let held = self.tell.send_replace(false);
        if !held {
            return;
        }
        match timeout(FAREWELL, manager.release()).await {
            Ok(Ok(())) => tracing::info!("the Lease is given back"),
            Ok(Err(error)) => tracing::debug!(%error, "the Lease runs out by itself"),
            Err(_) => {
                tracing::debug!("giving the Lease back takes too long; it runs out by itself")
            }
        }
    }
}
