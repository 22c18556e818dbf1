//! The earlier revisions of what is rolled out, read within a part of the review's time.

use rollgate_model::{Revisions, Wanted};
use tokio::time::{Instant, timeout};

use crate::sources::History;

/// One of this many parts of the time left: the policies need the rest.
const PART: u32 = 3;

/// Reads the revisions that tell a change apart. Where they do not come in time they are unknown,
/// and the change counts as one that goes forward: a policy that it should have passed may hold it,
/// but none is passed that it should not.
pub(super) async fn read(history: &dyn History, wanted: &Wanted, deadline: Instant) -> Revisions {
    let time = deadline.saturating_duration_since(Instant::now()) / PART;
    match timeout(time, history.revisions(wanted)).await {
        Ok(revisions) => revisions,
        Err(_) => Revisions::Unknown {
            why: "the API server did not tell the earlier revisions in time".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, pending};

    use super::*;

    struct Silent;

    impl History for Silent {
        fn revisions<'a>(&'a self, _: &'a Wanted) -> BoxFuture<'a, Revisions> {
            pending().boxed()
        }
    }

    #[tokio::test]
    async fn an_api_server_that_does_not_answer_leaves_time_to_the_policies() {
        let wanted = Wanted::Served {
            namespace: "shop".into(),
            selectors: [vec![], vec![]],
        };
        let deadline = Instant::now() + Duration::from_millis(600);
        let revisions = read(&Silent, &wanted, deadline).await;
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(left >= Duration::from_millis(200), "{left:?} left");
        let Revisions::Unknown { why } = revisions else {
            panic!("nothing was read");
        };
        assert_eq!(
            why,
            "the API server did not tell the earlier revisions in time"
        );
    }
}
