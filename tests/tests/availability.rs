//! What becomes of rollouts while replicas of rollgate come and go, and while the API server does.

use std::time::{Duration, Instant};

use anyhow::Result;
use rollgate_tests::control_plane::{ControlPlane, wait_for};
use rollgate_tests::installation::{Installation, asked_for};
use rollgate_tests::report::say;
use rollgate_tests::traffic::{Seen, Traffic, careless, failed_calls, probes};
use serde_json::Value;

/// How long the API server may still call a replica that is gone: endpoints are asked ten times a
/// second, and a call under way ends with its connection.
const STALE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn no_call_fails_while_replicas_are_replaced_and_policies_change() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut rollgate = Installation::new(&plane, 2, &[]).await?;
    let shop = judged_namespace(&plane, &rollgate).await?;
    let before = failed_calls(&plane).await?;

    let traffic = Traffic::start(&plane, &shop).await?;
    traffic.more(100).await;
    for round in 0..2 {
        let oldest = rollgate.replicas.remove(0);
        oldest.terminate();
        let status = oldest.ended(Duration::from_secs(30)).await;
        assert!(status.success(), "round {round}: {status}");
        rollgate.start(&[]);
        rollgate.replicas[1].ready().await;
        traffic.more(50).await;
    }
    for delay in 61..64 {
        let mut policy = probes(&shop);
        policy["spec"]["settings"]["limits"]["initialDelaySeconds"] = delay.into();
        apply(&plane, &policy).await?;
        traffic.more(50).await;
    }
    let seen = traffic.end().await;
    tell("replaced and reloaded", &seen);
    assert!(seen.failed.is_empty(), "{:?}", seen.failed);
    assert!(
        seen.without_response.is_empty(),
        "{:?}",
        seen.without_response
    );
    assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
    assert_eq!(failed_calls(&plane).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn killed_replica_fails_its_own_calls_only_and_lets_nothing_pass() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let mut rollgate = Installation::new(&plane, 2, &[]).await?;
    let shop = judged_namespace(&plane, &rollgate).await?;

    let traffic = Traffic::start(&plane, &shop).await?;
    traffic.more(100).await;
    let killed = Instant::now();
    rollgate.replicas.remove(0).kill();
    traffic.more(200).await;
    let seen = traffic.end().await;
    tell("killed", &seen);
    let late = seen
        .failed
        .iter()
        .filter(|(at, _)| *at < killed || at.duration_since(killed) > STALE);
    assert_eq!(late.collect::<Vec<_>>(), Vec::<&(Instant, String)>::new());
    assert!(
        seen.without_response.is_empty(),
        "{:?}",
        seen.without_response
    );
    assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn first_call_after_a_restart_of_the_api_server_is_answered() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let rollgate = Installation::new(&plane, 2, &[]).await?;
    let shop = judged_namespace(&plane, &rollgate).await?;

    let traffic = Traffic::start(&plane, &shop).await?;
    traffic.more(50).await;
    plane.restart_api_server().await?;
    let ready = Instant::now();
    traffic.more(100).await;
    let seen = traffic.end().await;
    tell("API server restarted", &seen);
    assert!(seen.failed.is_empty(), "{:?}", seen.failed);
    assert!(seen.wrong.is_empty(), "{:?}", seen.wrong);
    let unheard = seen.without_response.iter().filter(|(at, _)| *at > ready);
    assert_eq!(
        unheard.collect::<Vec<_>>(),
        Vec::<&(Instant, String)>::new()
    );

    // What was watched before is watched again.
    let delete = ["delete", "rolloutpolicy", "probes", "--namespace", &shop];
    plane.kubectl(delete).ok().await?;
    rollgate
        .registered(|registered| asked_for(registered).is_empty())
        .await?;
    Ok(())
}

/// A new namespace in which every container needs a readiness probe, by now.
async fn judged_namespace(plane: &ControlPlane, rollgate: &Installation<'_>) -> Result<String> {
    let shop = plane.namespace("shop").await?;
    apply(plane, &probes(&shop)).await?;
    rollgate
        .registered(|registered| !asked_for(registered).is_empty())
        .await?;
    rollgate.in_force(&format!("{shop}/probes")).await;
    let create = ["create", "--dry-run=server", "--filename=-", "--namespace"];
    wait_for("a denial", async || {
        let create = plane.kubectl(create).arg(&shop);
        let output = create.input(careless().to_string()).run().await?;
        Ok((!output.status.success()).then_some(()))
    })
    .await?;
    Ok(shop)
}

async fn apply(plane: &ControlPlane, object: &Value) -> Result<String> {
    let apply = plane.kubectl(["apply", "--filename=-"]);
    apply.input(object.to_string()).ok().await
}

fn tell(what: &str, seen: &Seen) {
    say(&format!(
        "  {what}: {} allowed, {} denied, {} calls failed, {} not taken by the API server",
        seen.allowed,
        seen.denied,
        seen.failed.len(),
        seen.without_response.len(),
    ));
}
