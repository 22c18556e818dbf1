//! Argo Rollouts' controller, by the service account and the roles of its own installation.

use std::ffi::OsStr;

use anyhow::Result;

use super::{ControlPlane, Tool, free_port};
use crate::keeper::Kept;

/// The namespace and the service account of Argo's installation.
const INSTALLED_AS: &str = "argo-rollouts";

/// A running controller; it ends when this is dropped.
#[derive(Debug)]
pub struct ArgoRollouts {
    _program: Kept,
}

impl ArgoRollouts {
    /// Who the controller is to the API server.
    pub const USER: &str = "system:serviceaccount:argo-rollouts:argo-rollouts";
}

impl ControlPlane {
    /// Installs Argo Rollouts and starts its controller.
    ///
    /// # Errors
    /// The API server refuses something of it.
    pub async fn start_argo_rollouts(&self) -> Result<ArgoRollouts> {
        self.install_argo_crds().await?;
        let namespace = ["create", "namespace", INSTALLED_AS];
        self.kubectl(namespace).ok().await?;
        let roles = self.programs.folder().join("roles");
        let apply = ["apply", "--filename"];
        self.kubectl(apply).arg(&roles).ok().await?;
        let bind = ["create", "clusterrolebinding", INSTALLED_AS];
        let role = format!("--clusterrole={INSTALLED_AS}");
        let account = format!("--serviceaccount={INSTALLED_AS}:{INSTALLED_AS}");
        self.kubectl(bind).args([role, account]).ok().await?;
        let kubeconfig = self.service_account(INSTALLED_AS, INSTALLED_AS).await?;
        let ports = [free_port()?, free_port()?];
        Ok(ArgoRollouts {
            _program: self.programs.argo_rollouts(&kubeconfig, ports)?,
        })
    }

    /// A call of `kubectl argo rollouts` as administrator.
    #[must_use]
    pub fn argo_rollouts<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Tool {
        self.tool("kubectl-argo-rollouts").args(arguments)
    }
}
