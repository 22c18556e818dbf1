//! Checks names that policies give before they become parts of a path: one with a slash would lead to
//! other objects, past the grants.

use rollgate_model::selector::LabelSelector;
use rollgate_model::{ClusterError, ClusterErrorCode, dns};

/// Checks a `group/version`, or a `version` of the core group.
pub(super) fn api_version(text: &str) -> Result<(), ClusterError> {
    let parts: Vec<_> = text.split('/').collect();
    if parts.len() <= 2 && parts.iter().all(|part| dns::is_subdomain(part)) {
        return Ok(());
    }
    Err(invalid(format!(
        "`{}` is no apiVersion; it is written as in `apps/v1`",
        text.escape_debug()
    )))
}

pub(super) fn namespace(text: &str) -> Result<(), ClusterError> {
    if dns::is_label(text) {
        return Ok(());
    }
    Err(invalid(format!(
        "`{}` is no namespace",
        text.escape_debug()
    )))
}

/// Checks the name of an object: whatever Kubernetes allows in a path (`path.IsValidPathSegmentName` of
/// k8s.io/apimachinery) and needs no escape there.
pub(super) fn object(text: &str) -> Result<(), ClusterError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte);
    let valid = (1..=253).contains(&text.len()) && text.bytes().all(plain);
    if valid && text != "." && text != ".." {
        return Ok(());
    }
    Err(invalid(format!(
        "`{}` is no name of an object",
        text.escape_debug()
    )))
}

/// Checks a label selector in kubectl's syntax; empty is valid.
pub(super) fn selector(text: &str) -> Result<(), ClusterError> {
    if text.is_empty() {
        return Ok(());
    }
    match text.parse::<LabelSelector>() {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(error.to_string())),
    }
}

pub(super) fn invalid(message: String) -> ClusterError {
    ClusterError {
        code: ClusterErrorCode::Invalid,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_change_the_path_are_refused() {
        let malformed = [
            "..",
            ".",
            "",
            "a/b",
            "../secrets/x",
            "a%2fb",
            "a?watch=1",
            "a#b",
            "a b",
            "a\n",
            "\u{e9}",
        ];
        for text in malformed {
            assert!(object(text).is_err(), "{text:?} passed as a name");
            assert!(namespace(text).is_err(), "{text:?} passed as a namespace");
        }
        for text in [
            "",
            "..",
            "apps/..",
            "../v1",
            "apps/v1/../..",
            "apps/v1?x=y",
            "apps%2fv1",
        ] {
            assert!(
                api_version(text).is_err(),
                "{text:?} passed as an apiVersion"
            );
        }
        assert!(namespace("shop.bank").is_err());
    }

    #[test]
    fn names_of_kubernetes_objects_are_accepted() {
        for text in ["cart", "system:node", "10.0.0.1", "a-b.c_d"] {
            object(text).unwrap();
        }
        for text in ["v1", "apps/v1", "gateway.networking.k8s.io/v1beta1"] {
            api_version(text).unwrap();
        }
        namespace("shop").unwrap();
    }

    #[test]
    fn malformed_selector_is_refused() {
        for text in ["", "app=cart", "app in (a,b),!c"] {
            selector(text).unwrap();
        }
        let error = selector("app in (").unwrap_err();
        assert_eq!(error.code, ClusterErrorCode::Invalid);
    }
}
