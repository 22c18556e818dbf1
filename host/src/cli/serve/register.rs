//! `serve --register`: the webhook registration, its certificates and the guard of revisions.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::tls::TlsArgs;
use super::values::duration;
use crate::cluster::{
    Authority, CertificateTimes, FailurePolicy, PathRenewal, PathTimes, RegistrationOptions,
    WebhookSettings,
};
use crate::server::PathSecrets;

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Register this installation as a webhook for what its policies match, and keep the registration;
    /// without --tls-cert, with certificates of its own
    #[arg(long, requires = "cluster")]
    register: bool,
    /// What the API server does with a rollout while rollgate does not answer
    #[arg(
        long,
        value_name = "POLICY",
        default_value = "Fail",
        requires = "register"
    )]
    failure_policy: OnFailure,
    /// The same for promotions of Argo Rollouts by others than Argo's controller; an abort always passes
    #[arg(
        long,
        value_name = "POLICY",
        default_value = "Ignore",
        requires = "register"
    )]
    promotions_failure_policy: OnFailure,
    /// The ValidatingAdmissionPolicy that lets only controllers write revisions: it is bound, and denies
    /// others after a probe has shown that the Deployment controller passes
    #[arg(long, value_name = "NAME", requires = "register")]
    revision_guard: Option<String>,
    /// How long the API server waits for an answer, in seconds, from 1 to 30
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "10",
        requires = "register",
        value_parser = clap::value_parser!(u8).range(1..=30)
    )]
    webhook_timeout: u8,
    /// The port of the installation's Service
    #[arg(
        long,
        value_name = "PORT",
        default_value = "443",
        requires = "register",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    service_port: u16,
    /// A user of Argo Rollouts' controller: its own steps are not evaluated, those of others are
    #[arg(
        long,
        value_name = "USER",
        default_value = "system:serviceaccount:argo-rollouts:argo-rollouts"
    )]
    argo_controller: Vec<String>,
    /// With --tls-cert: the CAs that the API server is to trust, in PEM; reloaded when it changes
    #[arg(long, value_name = "FILE", requires_all = ["register", "tls_cert"])]
    ca_bundle: Option<PathBuf>,
    /// With --tls-cert: the Certificate of cert-manager whose CA its injector writes into the
    /// registration
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        requires_all = ["register", "tls_cert"],
        conflicts_with = "ca_bundle"
    )]
    inject_ca_from: Option<String>,
    /// How long a certificate of rollgate's own is valid; it is replaced when a third of this is left
    #[arg(
        long,
        value_name = "TIME",
        default_value = "2160h",
        requires = "register",
        conflicts_with = "tls_cert",
        value_parser = duration
    )]
    certificate_lifetime: Duration,
    /// How long each step of its replacement takes to propagate
    #[arg(
        long,
        value_name = "TIME",
        default_value = "1h",
        requires = "register",
        conflicts_with = "tls_cert",
        value_parser = duration
    )]
    certificate_spread: Duration,
    /// How long the secret path is used that the API server calls
    #[arg(
        long,
        value_name = "TIME",
        default_value = "24h",
        requires = "register",
        value_parser = duration
    )]
    path_lifetime: Duration,
    /// How long a new secret path takes to be known in every replica; the previous one is accepted for ten
    /// times as long
    #[arg(
        long,
        value_name = "TIME",
        default_value = "30s",
        requires = "register",
        value_parser = duration
    )]
    path_spread: Duration,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
#[value(rename_all = "PascalCase")]
enum OnFailure {
    Fail,
    Ignore,
}

impl From<OnFailure> for FailurePolicy {
    fn from(on_failure: OnFailure) -> Self {
        match on_failure {
            OnFailure::Fail => Self::Fail,
            OnFailure::Ignore => Self::Ignore,
        }
    }
}

impl Args {
    /// Returns the users of Argo Rollouts' controller, which count without --register, too.
    pub(super) fn argo_controllers(&self) -> Arc<[String]> {
        self.argo_controller.as_slice().into()
    }

    /// Returns what to register; `None` without --register.
    ///
    /// # Errors
    /// If the API server would not know which CA to trust, or a certificate or secret path would
    /// expire during its renewal.
    pub(super) fn options(&self, tls: &TlsArgs) -> anyhow::Result<Option<RegistrationOptions>> {
        if !self.register {
            return Ok(None);
        }
        let settings = WebhookSettings {
            failure_policy: self.failure_policy.into(),
            promotions: self.promotions_failure_policy.into(),
            timeout: self.webhook_timeout,
            port: self.service_port,
            argo_controllers: self.argo_controller.clone(),
        };
        Ok(Some(RegistrationOptions {
            settings,
            authority: self.authority(tls)?,
            client_ca: tls.client_ca.clone(),
            path_renewal: self.path_renewal()?,
            path_secrets: PathSecrets::default(),
            revision_guard: self.revision_guard.clone(),
        }))
    }

    fn path_renewal(&self) -> anyhow::Result<PathRenewal> {
        let times = PathTimes {
            lifetime: self.path_lifetime,
            spread: self.path_spread,
        };
        anyhow::ensure!(
            times.leave_room(),
            "a secret path would expire during its renewal: --path-lifetime must be at least twelve times --path-spread"
        );
        Ok(PathRenewal::of_this_process(times))
    }

    fn authority(&self, tls: &TlsArgs) -> anyhow::Result<Authority> {
        match (&tls.tls_cert, &self.ca_bundle, &self.inject_ca_from) {
            (None, ..) => self.own_authority(),
            (Some(_), Some(bundle), _) => Ok(Authority::File(bundle.clone())),
            (Some(_), None, Some(from)) => Ok(Authority::Injected(from.clone())),
            (Some(_), None, None) => anyhow::bail!(
                "the API server would not know which CA to trust: with --register and --tls-cert, name the CA by --ca-bundle, or the Certificate of cert-manager by --inject-ca-from"
            ),
        }
    }

    fn own_authority(&self) -> anyhow::Result<Authority> {
        let times = CertificateTimes {
            lifetime: self.certificate_lifetime,
            spread: self.certificate_spread,
        };
        anyhow::ensure!(
            times.leave_room(),
            "a certificate would expire during its replacement: --certificate-lifetime must be at least six times --certificate-spread"
        );
        Ok(Authority::Own(times))
    }
}
