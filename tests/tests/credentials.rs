//! Metrics that only a credential opens, kept in a Secret: the right one lets policies judge, without it
//! `onError` answers and says what to do, and neither it nor the address is shown anywhere.

use std::fmt::Write as _;

use anyhow::Result;
use rollgate_tests::certificate::Authority;
use rollgate_tests::control_plane::ControlPlane;
use rollgate_tests::installation::{Installation, NAME, NAMESPACE};
use rollgate_tests::prometheus::{BearerProxy, Prometheus, Web};
use rollgate_tests::trial::Trial;
use serde_json::{Value, json};

const METRICS: &str = "# TYPE shop_errors gauge\nshop_errors 3\n";

const TOKEN: &str = "a-token-of-the-tests";

/// As long as the right ones, so that nothing but the words differs.
const WRONG_PASSWORD: &str = "hunter3";
const WRONG_TOKEN: &str = "a-token-of-the-rests";

/// What stands in the Secret, and in a request: nothing of it may be seen.
const NEVER_SHOWN: [&str; 8] = [
    Web::PASSWORD,
    TOKEN,
    WRONG_PASSWORD,
    WRONG_TOKEN,
    // `rollgate:hunter2`, `rollgate:hunter3`, and the passwords alone, in base64.
    "cm9sbGdhdGU6aHVudGVyMg",
    "cm9sbGdhdGU6aHVudGVyMw",
    "aHVudGVyMg",
    "aHVudGVyMw",
];

/// Servers that want to know who asks.
struct Servers {
    by_password: Prometheus,
    _behind_proxy: Prometheus,
    certificate: String,
    by_token: String,
}

impl Servers {
    async fn start() -> Result<Self> {
        let web = Web::guarded()?;
        let open = Web::plain();
        let (by_password, behind_proxy) = tokio::try_join!(
            Prometheus::start_with(METRICS, &web),
            Prometheus::start_with(METRICS, &open)
        )?;
        let proxy = BearerProxy::before(behind_proxy.url(), TOKEN)?;
        Ok(Self {
            by_token: proxy.url(behind_proxy.url()),
            by_password,
            _behind_proxy: behind_proxy,
            certificate: web.certificate().unwrap_or_default().to_owned(),
        })
    }

    /// One source for each way to prove who asks, one that proves nothing, one that trusts another
    /// authority, and one that cannot be reached.
    fn sources(&self) -> [(&'static str, Value); 5] {
        let password = json!({ "secret": { "name": "metrics", "key": "password" } });
        let token = json!({ "secret": { "name": "metrics", "key": "token" } });
        let url = self.by_password.url();
        let ca = &self.certificate;
        let basic = json!({ "username": Web::USER, "password": password });
        [
            (
                "password",
                json!({ "url": url, "ca": ca, "basicAuth": basic }),
            ),
            (
                "token",
                json!({ "url": self.by_token, "bearerToken": token, "insecure": true }),
            ),
            ("nothing", json!({ "url": url, "ca": ca })),
            (
                "stranger",
                json!({ "url": url, "ca": Authority::new().pem, "basicAuth": basic }),
            ),
            // The discard port: nobody listens there.
            (
                "nobody",
                json!({ "url": "http://127.0.0.1:9/prometheus", "bearerToken": token, "insecure": true }),
            ),
        ]
    }

    /// Where they are, in the words that an error would name them by.
    fn addresses(&self) -> Vec<String> {
        let urls = self.sources().map(|(_, spec)| spec["url"].to_string());
        let host = |url: &String| url.split('/').nth(2).map(str::to_owned);
        urls.iter().filter_map(host).collect()
    }
}

/// Judges by a source, and names what it failed for as it is said.
fn policy(source: &str, on_error: &str, most: u32) -> Value {
    let name = format!("{source}-{}-{most}", on_error.to_lowercase());
    json!({
        "apiVersion": "rollgate.dev/v1alpha1",
        "kind": "ClusterRolloutPolicy",
        "metadata": { "name": name },
        "spec": {
            "module": { "builtin": "metrics-threshold" },
            "match": { "labels": { "matchLabels": { "judged-by": name } } },
            "onError": on_error,
            "grants": { "metrics": [source] },
            "settings": {
                "source": source,
                "answers": { "noData": "fail", "nan": "fail", "stale": "allow", "error": "fail" },
                "checks": [{ "name": "errors", "query": "shop_errors", "max": most }],
            },
        },
    })
}

/// The cluster with rollgate in it, and all that was said so far.
struct Shop<'p> {
    plane: &'p ControlPlane,
    namespace: String,
}

impl Shop<'_> {
    async fn apply(&self, objects: impl IntoIterator<Item = Value>) -> Result<()> {
        let items: Vec<Value> = objects.into_iter().collect();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        let apply = self.plane.kubectl(["apply", "--filename=-"]);
        apply.input(list.to_string()).ok().await?;
        Ok(())
    }

    /// Writes the Secret anew.
    async fn secret(&self, data: &Value) -> Result<()> {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": "metrics", "namespace": NAMESPACE },
            "stringData": data,
        });
        let replace = ["replace", "--force", "--filename=-"];
        let replace = self.plane.kubectl(replace).input(secret.to_string());
        replace.ok().await?;
        Ok(())
    }

    /// As the chart's value `metricSecrets` does.
    async fn allow_reading(&self) -> Result<()> {
        let here = ["--namespace", NAMESPACE];
        let role = [
            "create",
            "role",
            "metrics",
            "--verb=get",
            "--resource=secrets",
        ];
        let role = self.plane.kubectl(role).arg("--resource-name=metrics");
        role.args(here).ok().await?;
        let bind = ["create", "rolebinding", "metrics", "--role=metrics"];
        let account = format!("--serviceaccount={NAMESPACE}:{NAME}");
        let bind = self.plane.kubectl(bind).arg(account);
        bind.args(here).ok().await?;
        Ok(())
    }

    fn trial(&self, source: &str, on_error: &str, most: u32) -> Trial<'_> {
        let name = format!("{source}-{}-{most}", on_error.to_lowercase());
        Trial::new(self.plane, &self.namespace, &json!({ "judged-by": name }))
    }

    /// Waits until both answers to a failure are given for this reason, and adds them to what was said.
    async fn not_judged(&self, source: &str, why: &str, said: &mut String) -> Result<()> {
        let why = format!("errors could not be measured: metrics source \"{source}\" {why}");
        *said += &self.trial(source, "Deny", 0).refused(&why).await?;
        *said += &self.trial(source, "Allow", 0).passes_with(&why).await?;
        Ok(())
    }

    /// Waits until both policies judge: by the number that is there, whatever their `onError`.
    async fn judged(&self, source: &str, said: &mut String) -> Result<()> {
        for on_error in ["Deny", "Allow"] {
            let refusal = self.trial(source, on_error, 0).refused("found: 3").await?;
            assert!(!refusal.contains("could not be evaluated"), "{refusal}");
            *said += &refusal;
        }
        *said += &self.trial(source, "Deny", 5).passes().await?;
        Ok(())
    }

    /// All that people may read of it in the cluster, but for what they wrote themselves.
    async fn readable(&self) -> Result<String> {
        let mut readable = String::new();
        let kinds = ["clusterrolloutpolicies", "metricsources"];
        for kind in kinds {
            let get = ["get", kind, "--output=jsonpath={.items[*].status}"];
            readable += &self.plane.kubectl(get).ok().await?;
        }
        let events = ["get", "events", "--all-namespaces", "--output=json"];
        readable += &self.plane.kubectl(events).ok().await?;
        for event in self.plane.audit()? {
            writeln!(readable, "{}", event["annotations"])?;
        }
        Ok(readable)
    }
}

/// The sources whose credential stands in the Secret, by its key.
const BY_SECRET: [&str; 2] = ["password", "token"];

impl Shop<'_> {
    /// Describes the sources, and policies for each.
    async fn describe(&self, servers: &Servers) -> Result<()> {
        let source = |(name, prometheus): (&str, Value)| {
            json!({
                "apiVersion": "rollgate.dev/v1alpha1",
                "kind": "MetricSource",
                "metadata": { "name": name },
                "spec": { "prometheus": prometheus },
            })
        };
        self.apply(servers.sources().map(source)).await?;
        let policies = servers
            .sources()
            .map(|(source, _)| ["Deny", "Allow"].map(|on_error| policy(source, on_error, 0)));
        self.apply(policies.into_iter().flatten()).await?;
        let lenient = BY_SECRET.map(|source| policy(source, "Deny", 5));
        self.apply(lenient).await?;
        // Each is compiled first, which takes long on a busy machine.
        let ready = ["wait", "--for=condition=Ready", "--timeout=300s", "--all"];
        let kinds = "clusterrolloutpolicies,metricsources";
        self.plane.kubectl(ready).arg(kinds).ok().await?;
        Ok(())
    }

    /// Goes from a Secret that rollgate may not read to one with the wrong words in it.
    async fn without_the_right_one(&self, said: &mut String) -> Result<()> {
        for source in BY_SECRET {
            let forbidden = "cannot be queried: rollgate may not read the Secret `metrics` in `rollgate-system`: add its name to the chart's value `metricSecrets`";
            self.not_judged(source, forbidden, said).await?;
        }
        self.allow_reading().await?;
        for source in BY_SECRET {
            let missing = "cannot be queried: there is no Secret `metrics` in `rollgate-system`, the namespace of rollgate";
            self.not_judged(source, missing, said).await?;
        }
        self.secret(&json!({ "other": "x" })).await?;
        for source in BY_SECRET {
            let missing = format!(
                "cannot be queried: the Secret `metrics` in `rollgate-system` has no key `{source}`"
            );
            self.not_judged(source, &missing, said).await?;
        }
        let wrong = json!({ "password": WRONG_PASSWORD, "token": WRONG_TOKEN });
        self.secret(&wrong).await?;
        for source in BY_SECRET {
            self.not_judged(source, REFUSED, said).await?;
        }
        Ok(())
    }
}

/// What is said of a credential that the server does not take.
const REFUSED: &str =
    "refuses the credentials (HTTP 401): check bearerToken or basicAuth of the MetricSource";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "make test"]
async fn metric_source_works_with_the_right_secret_and_reports_others_without_showing_them()
-> Result<()> {
    let servers = Servers::start().await?;
    let plane = ControlPlane::start().await?;
    let rollgate = Installation::new(&plane, 1, &["--log-level=debug"]).await?;
    let namespace = plane.namespace("shop").await?;
    let shop = Shop {
        plane: &plane,
        namespace,
    };
    shop.describe(&servers).await?;

    let mut said = String::new();
    shop.not_judged("nothing", REFUSED, &mut said).await?;
    shop.without_the_right_one(&mut said).await?;
    let down = "cannot be reached: connection refused";
    shop.not_judged("nobody", down, &mut said).await?;
    let right = json!({ "password": Web::PASSWORD, "token": TOKEN });
    shop.secret(&right).await?;
    for source in BY_SECRET {
        shop.judged(source, &mut said).await?;
    }
    let untrusted = "cannot be reached: its TLS certificate is refused, its authority is not trusted: set ca or caFile";
    shop.not_judged("stranger", untrusted, &mut said).await?;

    let shown = shop.readable().await? + &logged(rollgate).await?;
    // What is looked at tells of each failure.
    for part in [&shown, &said] {
        assert!(part.contains("refuses the credentials") && part.contains("connection refused"));
    }
    let shown = shown + &said;
    let never_shown = NEVER_SHOWN.map(str::to_owned).into_iter();
    for hidden in never_shown.chain(servers.addresses()) {
        let at = shown.find(&hidden);
        assert!(at.is_none(), "{hidden}: {}", around(&shown, at));
    }
    Ok(())
}

/// What rollgate says of itself: at its admin port, and in its log to the end.
async fn logged(mut rollgate: Installation<'_>) -> Result<String> {
    let mut logged = String::new();
    for path in ["/metrics", "/info"] {
        logged += &rollgate.replicas[0].get(path).await.1;
    }
    for line in rollgate.end().into_iter().flatten() {
        assert!(
            line.is_object(),
            "a line that is no record is not looked at"
        );
        writeln!(logged, "{line}")?;
    }
    Ok(logged)
}

fn around(text: &str, at: Option<usize>) -> &str {
    let at = at.unwrap_or_default();
    let [from, to] = [at.saturating_sub(300), (at + 100).min(text.len())];
    &text[text.floor_char_boundary(from)..text.floor_char_boundary(to)]
}
