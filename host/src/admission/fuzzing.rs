//! What a fuzzer calls.

use rollgate_model::{MutableTags, Revisions, TemplateChange};

use super::NotEvaluated;
use super::admission_review::{InvalidReview, ParsedReview, ReviewedRequest, invalid};

/// Parses and classifies a review. What cannot be read is a response with its uid, as JSON.
pub(crate) fn review(body: &[u8]) {
    let Ok(parsed) = ParsedReview::parse(body, &["argo".to_owned()]) else {
        return;
    };
    let refused = match parsed {
        Ok(ParsedReview { uid, request, .. }) => match request {
            ReviewedRequest::Workload(request) => {
                let revisions = Revisions::NoCluster { why: String::new() };
                let classification = request.classify(&MutableTags::default());
                let error = classification
                    .map(|it| it.resolve(|_| Err(String::new()), &revisions))
                    .err();
                error.map(|error| InvalidReview::not_evaluated(uid, &NotEvaluated::Object(error)))
            }
            ReviewedRequest::TemplateSource(request) => {
                let namespace = request.namespace.as_deref();
                let object = request.object.as_ref();
                let _ = object
                    .map(|new| TemplateChange::of(request.old_object.as_ref(), new, namespace));
                None
            }
            ReviewedRequest::Other => None,
        },
        Err(invalid) => Some(invalid),
    };
    if let Some(refused) = refused {
        let response: serde_json::Value =
            serde_json::from_slice(&invalid(refused).0).expect("a response is JSON");
        assert_eq!(response["response"]["allowed"], false);
    }
}
