//! The inputs of a loaded policy.

use std::sync::Arc;

use super::loading::LoadRequest;
use super::running::grants::Grants;
use super::running::limits::Limits;

/// All inputs of a loaded policy besides its engine. The digest stands for the module, so that its
/// bytes need not be kept. A policy reads its inputs from here only, so equal recipes make equal
/// policies.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) name: Arc<str>,
    /// The SHA-256 of the module's file, in hexadecimal.
    pub(super) digest: String,
    pub(super) settings: String,
    pub(super) limits: Limits,
    pub(super) grants: Arc<Grants>,
}

impl Recipe {
    pub(super) fn of(request: &LoadRequest) -> Self {
        // All fields are named, so that a new one must be considered here.
        let LoadRequest {
            name,
            module,
            settings,
            limits,
            grants,
        } = request;
        Self {
            name: name.as_str().into(),
            digest: module.digest(),
            settings: settings.clone(),
            limits: *limits,
            grants: Arc::new(grants.clone()),
        }
    }
}
