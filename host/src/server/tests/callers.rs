use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::client::tls as connect;
use super::*;

/// Answers with the caller.
struct EchoCaller;

impl ReviewHandler for EchoCaller {
    fn handle(
        self: Arc<Self>,
        _body: ReviewBody,
        caller: Caller,
        _deadline: Instant,
    ) -> BoxFuture<'static, HandlerResponse> {
        async move { HandlerResponse::Review(caller.as_str().into()) }.boxed()
    }
}

async fn by_path(secrets: &PathSecrets) -> Running {
    let callers = Callers::ByPath(secrets.clone());
    let pool = EvaluationPool::new(Handle::current());
    start_with(
        pool,
        callers,
        EchoCaller,
        Bounds::default(),
        Drain::default(),
    )
    .await
}

#[tokio::test]
async fn without_certificate_or_secret_path_the_caller_is_unknown() {
    let server = start_handler(EchoCaller, Bounds::default(), Drain::default()).await;
    let answer = server.h1().await.review("{}".to_owned()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "unknown"));
}

#[tokio::test]
async fn secret_path_makes_the_caller_known_and_any_other_path_gets_404() {
    let secrets = PathSecrets::default();
    let server = by_path(&secrets).await;
    assert_eq!(
        server.context.ready(),
        Err("there is no secret path to answer at yet".to_owned())
    );
    let (first, second) = (PathSecret::generate(), PathSecret::generate());
    let ask = async |client: &mut Client, path: &str| {
        let target = format!("{path}?timeout=5s");
        let answer = client.post(&target, "{}".to_owned()).await;
        (answer.status.as_u16(), answer.body)
    };
    let known = (200, "known".to_owned());
    for client in [&mut server.h1().await, &mut server.h2().await] {
        secrets.replace(vec![first.clone()]);
        assert_eq!(server.context.ready(), Ok(()));
        assert_eq!(ask(client, &first.path()).await, known);
        for wrong in ["/admit", "/admit/", &second.path(), "/"] {
            let (status, text) = ask(client, wrong).await;
            assert_eq!(status, 404, "{wrong}");
            assert!(!text.contains(second.expose()), "{text}");
        }
        secrets.replace(vec![second.clone(), first.clone()]);
        assert_eq!(ask(client, &second.path()).await, known);
        assert_eq!(ask(client, &first.path()).await, known);
        secrets.replace(vec![second.clone()]);
        assert_eq!(ask(client, &first.path()).await.0, 404);
    }
}

#[tokio::test]
async fn wrong_path_gets_404_before_the_body_arrives() {
    let secrets = PathSecrets::default();
    secrets.replace(vec![PathSecret::generate()]);
    let server = by_path(&secrets).await;
    let mut stream = connect(server.address, &server.ca, b"http/1.1")
        .await
        .expect("a handshake");
    let head = "POST /admit?timeout=30s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    timeout(Duration::from_secs(5), stream.read_exact(&mut answer))
        .await
        .expect("an answer although the body never comes")
        .expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 404");
}
