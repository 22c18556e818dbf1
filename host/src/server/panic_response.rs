//! The response to a review whose evaluation panicked or was late: a denial, if its uid can be read.

use bytes::Bytes;
use serde_json::json;

use crate::admission::uid_of_review;

/// Returns a denial of this review, or `None` if it has no uid.
///
/// It is denied whatever the policies' `onError` says: the host failed, so it is not known which
/// policies match.
pub(super) fn denial(body: &[u8], message: &str) -> Option<Bytes> {
    let uid = uid_of_review(body)?;
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": uid,
            "allowed": false,
            "status": {"status": "Failure", "code": 403, "reason": "Forbidden", "message": message},
        },
    });
    Some(answer.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn review_with_a_uid_is_denied() {
        let body = br#"{"kind":"AdmissionReview","request":{"uid":"u-1","object":{"a":[1,2]}}}"#;
        let answer = denial(body, "it broke").expect("an answer");
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["response"]["uid"], "u-1");
        assert_eq!(answer["response"]["allowed"], false);
        assert_eq!(answer["response"]["status"]["message"], "it broke");
    }

    #[test]
    fn body_without_a_uid_gets_no_response() {
        for body in [
            &b"{}"[..],
            b"",
            b"[1",
            br#"{"request":{}}"#,
            br#"{"request":{"uid":7}}"#,
        ] {
            assert_eq!(denial(body, "it broke"), None);
        }
    }
}
