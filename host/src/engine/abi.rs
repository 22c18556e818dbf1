//! One adapter for each version of the contract: it converts between the generated types and the
//! model's.

mod v1;

pub(super) use v1::{Guest, GuestError, GuestPre, SharedContainers, VERSION, add_to_linker};

use super::error::LoadError;

/// A module's description of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Description {
    /// The module's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What the policy does, in a sentence.
    pub summary: String,
    /// JSON Schema (draft 2020-12) of its settings.
    pub settings_schema: String,
    /// Further entries, such as `sdk`.
    pub extra: Vec<(String, String)>,
}

/// Checks that there is an adapter for a contract version, such as `0.1.0`.
///
/// Patch versions only add functions. So an older patch works, and a newer one works if it imports
/// nothing that is missing here.
pub(super) fn check_version(found: &str) -> Result<(), LoadError> {
    let range = |version: &str| -> Option<(u64, u64)> {
        let mut numbers = version.split('.').map_while(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    let advice = match (range(found), range(VERSION)) {
        (Some(found), Some(ours)) if found == ours => return Ok(()),
        (Some(found), Some(ours)) if found > ours => "run a newer rollgate",
        (Some(_), _) => "rebuild the policy with a newer rollgate-sdk",
        (None, _) => "rebuild the policy with rollgate-sdk",
    };
    Err(LoadError::ContractVersion {
        found: found.to_owned(),
        supported: VERSION,
        advice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patch_of_the_same_minor_version_is_accepted() {
        assert!(check_version("0.1.0").is_ok());
        assert!(check_version("0.1.7").is_ok());
    }

    #[test]
    fn other_minor_version_is_refused_with_advice() {
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
