//! The contract's versions: one adapter each, between its own generated types and the model.

mod v1;

pub(super) use v1::{EvaluateAnswer, Guest, GuestPre, Handed, VERSION as ADAPTER, add_to_linker};

use super::error::LoadError;

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Description {
    /// The module's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// JSON Schema (draft 2020-12) of its settings.
    pub settings_schema: String,
    /// Whatever else it says, such as `sdk`.
    pub extra: Vec<(String, String)>,
}

/// Finds the adapter for a contract version, such as `0.1.0`.
///
/// Within a compatible range functions are only added, so an older patch is served, and a newer one
/// as long as it imports nothing that is missing here.
pub(super) fn check_version(found: &str) -> Result<(), LoadError> {
    let range = |version: &str| -> Option<(u64, u64)> {
        let mut numbers = version.split('.').map_while(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    let advice = match (range(found), range(ADAPTER)) {
        (Some(found), Some(ours)) if found == ours => return Ok(()),
        (Some(found), Some(ours)) if found > ours => "run a newer rollgate",
        (Some(_), _) => "rebuild the policy with a newer rollgate-sdk",
        (None, _) => "rebuild the policy with rollgate-sdk",
    };
    Err(LoadError::ContractVersion {
        found: found.to_owned(),
        supported: ADAPTER,
        advice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_of_the_same_minor_is_served() {
        assert!(check_version("0.1.0").is_ok());
        assert!(check_version("0.1.7").is_ok());
    }

    #[test]
    fn another_minor_is_refused_with_the_way_out() {
        let newer = check_version("0.2.0")
            .expect_err("another contract")
            .to_string();
        assert!(
            newer.contains("0.2.0") && newer.contains("newer rollgate"),
            "{newer}"
        );
        let older = check_version("0.0.9")
            .expect_err("another contract")
            .to_string();
        assert!(older.contains("rebuild"), "{older}");
        assert!(check_version("").is_err());
    }
}
