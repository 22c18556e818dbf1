//! A Deployment that would be new, shown to the API server again and again as a dry-run: what becomes
//! of it now?

use anyhow::Result;
use serde_json::{Value, json};

use crate::control_plane::{ControlPlane, Output, wait_for};
use crate::report::unbroken;
use crate::traffic::careful;

/// A Deployment with labels by which policies know it.
#[derive(Debug)]
pub struct Trial<'p> {
    plane: &'p ControlPlane,
    namespace: &'p str,
    deployment: Value,
}

impl<'p> Trial<'p> {
    /// One in which the bundled policies find no fault.
    #[must_use]
    pub fn new(plane: &'p ControlPlane, namespace: &'p str, labels: &Value) -> Self {
        let mut deployment = careful();
        deployment["metadata"]["name"] = json!("trial");
        deployment["metadata"]["labels"] = labels.clone();
        Self {
            plane,
            namespace,
            deployment,
        }
    }

    /// Shows it once.
    ///
    /// # Errors
    /// There is no kubectl.
    pub async fn run(&self) -> Result<Output> {
        let create = ["create", "--dry-run=server", "--filename=-"];
        let create = self.plane.kubectl(create).arg("--namespace");
        let create = create.arg(self.namespace);
        create.input(self.deployment.to_string()).run().await
    }

    /// Waits until it is refused with these words among others, and gives all of them.
    ///
    /// # Errors
    /// It never is; with the last answer.
    pub async fn refused(&self, words: &str) -> Result<String> {
        self.until(&format!("a refusal with `{words}`"), |output, said| {
            !output.status.success() && said.contains(words)
        })
        .await
    }

    /// Waits until it passes, and gives what was said besides.
    ///
    /// # Errors
    /// It never does; with the last answer.
    pub async fn passes(&self) -> Result<String> {
        self.passes_with("").await
    }

    /// As [`Trial::passes`], with these words among others.
    ///
    /// # Errors
    /// As there.
    pub async fn passes_with(&self, words: &str) -> Result<String> {
        self.until(&format!("it to pass with `{words}`"), |output, said| {
            output.status.success() && said.contains(words)
        })
        .await
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Output, &str) -> bool) -> Result<String> {
        let mut last = None;
        let said = wait_for(what, async || {
            let output = self.run().await?;
            let said = unbroken(&output.stderr);
            let there = wanted(&output, &said);
            last = Some(output);
            Ok(there.then_some(said))
        });
        let said = said.await;
        said.map_err(|error| match last {
            Some(last) => error.context(last),
            None => error,
        })
    }
}
