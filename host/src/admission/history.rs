//! The earlier revisions of what is rolled out, read within a part of the review's time.

use rollgate_model::{Revisions, Unsettled};
use tokio::time::{Instant, timeout};

use crate::sources::{History, Reading};

/// One of this many parts of the time left: the policies need the rest.
const PART: u32 = 3;

/// Reads the revisions that tell a change apart. Where they do not come in time they are unknown,
/// and the change counts as one that goes forward: a policy that it should have passed may hold it,
/// but none is passed that it should not.
pub(super) async fn read(
    history: &dyn History,
    unsettled: &Unsettled,
    deadline: Instant,
) -> Revisions {
    let time = deadline.saturating_duration_since(Instant::now()) / PART;
    match timeout(time, enough(history, unsettled)).await {
        Ok(revisions) => revisions,
        Err(_) => Revisions::Unknown {
            why: "the API server did not tell the earlier revisions in time".into(),
        },
    }
}

/// A recent reading comes at once, and tells most changes apart.
async fn enough(history: &dyn History, unsettled: &Unsettled) -> Revisions {
    let wanted = unsettled.wanted();
    if unsettled.may_be_told_by_older() {
        let recent = history.revisions(&wanted, Reading::Recent).await;
        if recent.why_not_known().is_some() || unsettled.is_told_by_older(&recent) {
            return recent;
        }
    }
    history.revisions(&wanted, Reading::Fresh).await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::{BoxFuture, pending, ready};
    use rollgate_model::{Asker, Operation, Read, Request, Revision, Rollout, SubResource, Wanted};
    use serde_json::{Value, json};

    use super::*;

    struct Silent;

    impl History for Silent {
        fn revisions<'a>(&'a self, _: &'a Wanted, _: Reading) -> BoxFuture<'a, Revisions> {
            pending().boxed()
        }
    }

    #[tokio::test]
    async fn an_api_server_that_does_not_answer_leaves_time_to_the_policies() {
        let deadline = Instant::now() + Duration::from_millis(600);
        let revisions = read(&Silent, &update(cart(1), cart(2)), deadline).await;
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

    #[tokio::test]
    async fn what_is_older_is_enough_where_it_has_the_present_template() {
        let history = Lagging::by(1);
        assert_eq!(asked(&history, cart(2), cart(4)).await, [Reading::Recent]);
    }

    #[tokio::test]
    async fn what_is_older_is_not_enough_where_it_lacks_the_present_template() {
        let history = Lagging::by(1);
        let readings = asked(&history, cart(3), cart(2)).await;
        assert_eq!(readings, [Reading::Recent, Reading::Fresh]);
    }

    #[tokio::test]
    async fn what_waited_asks_at_once_for_what_has_pods_now() {
        let mut paused = cart(3);
        paused["spec"]["paused"] = true.into();
        let history = Lagging::by(1);
        assert_eq!(asked(&history, paused, cart(3)).await, [Reading::Fresh]);
    }

    #[tokio::test]
    async fn what_failed_is_not_asked_again() {
        let history = Lagging {
            known: None,
            ..Lagging::by(0)
        };
        assert_eq!(asked(&history, cart(1), cart(2)).await, [Reading::Recent]);
    }

    /// Three revisions, of which a recent reading lacks some; `None` where they cannot be read.
    struct Lagging {
        known: Option<Vec<Revision>>,
        by: usize,
        asked: Mutex<Vec<Reading>>,
    }

    impl Lagging {
        fn by(lacking: usize) -> Self {
            let revision = |number: usize| {
                let created = format!("2026-0{number}-01T00:00:00Z");
                let template = cart(number)["spec"]["template"].take();
                Revision::new("cart", created.parse().expect("an instant"), template)
            };
            Self {
                known: Some((1..=3).map(revision).collect()),
                by: lacking,
                asked: Mutex::default(),
            }
        }
    }

    impl History for Lagging {
        fn revisions<'a>(&'a self, _: &'a Wanted, reading: Reading) -> BoxFuture<'a, Revisions> {
            self.asked.lock().expect("no panic").push(reading);
            let answer = match (&self.known, reading) {
                (None, _) => Revisions::Unknown {
                    why: "of a test".into(),
                },
                (Some(all), Reading::Fresh) => Revisions::Known(all.clone()),
                (Some(all), Reading::Recent) => {
                    Revisions::Known(all[..all.len() - self.by].to_vec())
                }
            };
            ready(answer).boxed()
        }
    }

    async fn asked(history: &Lagging, old: Value, new: Value) -> Vec<Reading> {
        let deadline = Instant::now() + Duration::from_secs(5);
        read(history, &update(old, new), deadline).await;
        history.asked.lock().expect("no panic").clone()
    }

    fn update(old: Value, new: Value) -> Unsettled {
        let request = Request {
            operation: Operation::Update,
            sub_resource: SubResource::None,
            namespace: None,
            user: String::new(),
            groups: Vec::new(),
            asker: Asker::Other,
            dry_run: false,
            object: Some(new),
            old_object: Some(old),
        };
        match Rollout::read(request) {
            Ok(Read::Unsettled(unsettled)) => *unsettled,
            other => panic!("told without revisions: {other:?}"),
        }
    }

    fn cart(version: usize) -> Value {
        let image = format!("cart:{version}");
        let template = json!({
            "metadata": {"labels": {"app": "cart"}},
            "spec": {"containers": [{"name": "web", "image": image}]},
        });
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "cart", "namespace": "shop", "uid": "u-1"},
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": template},
        })
    }
}
