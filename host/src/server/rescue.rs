//! The answer to a review whose judging broke down: a denial, where its uid can still be told.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

/// The part of an AdmissionReview that an answer cannot do without.
#[derive(Deserialize)]
struct Review {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    uid: String,
}

/// A denial of this review, or `None` where it names no uid.
///
/// Denied whatever the policies' `onError` says: what broke is the host, so nothing is known of
/// which policies would have judged.
pub(super) fn denial(body: &[u8], message: &str) -> Option<Bytes> {
    let review: Review = serde_json::from_slice(body).ok()?;
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": review.request.uid,
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
    fn a_review_with_a_uid_is_denied_under_it() {
        let body = br#"{"kind":"AdmissionReview","request":{"uid":"u-1","object":{"a":[1,2]}}}"#;
        let answer = denial(body, "it broke").expect("an answer");
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["response"]["uid"], "u-1");
        assert_eq!(answer["response"]["allowed"], false);
        assert_eq!(answer["response"]["status"]["message"], "it broke");
    }

    #[test]
    fn what_names_no_uid_has_no_answer() {
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
