//! What a loaded policy was made of.

use std::sync::Arc;

use super::gate::Grants;
use super::limits::Limits;
use super::load::LoadRequest;

/// All that goes into a loaded policy besides its engine; the module stands in it by its digest, so
/// that its bytes need not stay. A policy reads these from nowhere else, so equal recipes make
/// policies that do the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) name: Arc<str>,
    /// Of the module's file: the SHA-256, in hexadecimal.
    pub(super) digest: String,
    pub(super) settings: String,
    pub(super) limits: Limits,
    pub(super) grants: Arc<Grants>,
}

impl Recipe {
    pub(super) fn of(request: &LoadRequest) -> Self {
        // Taken apart whole: a field that is new must be considered here.
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
