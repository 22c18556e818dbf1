//! Names that guests give become parts of a path: one with a slash would lead to other objects,
//! past the grants.

use rollgate_model::selector::LabelSelector;
use rollgate_model::{ClusterError, ClusterErrorCode, dns};

/// `group/version`, or `version` alone for the core group.
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

/// A namespace, or nothing.
pub(super) fn namespace(text: &str) -> Result<(), ClusterError> {
    if text.is_empty() || dns::is_label(text) {
        return Ok(());
    }
    Err(invalid(format!(
        "`{}` is no namespace",
        text.escape_debug()
    )))
}

/// The name of an object: whatever may stand in a path (`path.IsValidPathSegmentName` of
/// k8s.io/apimachinery) and needs no escape there.
pub(super) fn object(text: &str) -> Result<(), ClusterError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&byte);
    let sound = (1..=253).contains(&text.len()) && text.bytes().all(plain);
    if sound && text != "." && text != ".." {
        return Ok(());
    }
    Err(invalid(format!(
        "`{}` is no name of an object",
        text.escape_debug()
    )))
}

/// A label selector in kubectl's syntax, or nothing.
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
    fn nothing_that_leads_out_of_its_place_in_a_path_is_a_name() {
        let odd = [
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
        for text in odd {
            assert!(object(text).is_err(), "{text:?} passed as a name");
            assert!(
                text.is_empty() || namespace(text).is_err(),
                "{text:?} passed as a namespace"
            );
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
    fn what_kubernetes_calls_its_objects_is_a_name() {
        for text in ["cart", "system:node", "10.0.0.1", "a-b.c_d"] {
            object(text).unwrap();
        }
        for text in ["v1", "apps/v1", "gateway.networking.k8s.io/v1beta1"] {
            api_version(text).unwrap();
        }
        namespace("shop").unwrap();
        namespace("").unwrap();
    }

    #[test]
    fn a_selector_is_read_before_it_is_sent() {
        for text in ["", "app=cart", "app in (a,b),!c"] {
            selector(text).unwrap();
        }
        let error = selector("app in (").unwrap_err();
        assert_eq!(error.code, ClusterErrorCode::Invalid);
    }
}
