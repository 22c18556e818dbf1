use super::*;

/// The spec of a `MetricSource`, as YAML would have it.
fn spec(json: &str) -> Spec {
    serde_json::from_str(json).expect("a spec")
}

fn refused(json: &str) -> SourceError {
    validate(json).expect_err("it should be refused")
}

fn validate(json: &str) -> Result<Settings, SourceError> {
    let secrets: Arc<dyn Secrets> = Arc::new(crate::sources::Disconnected);
    spec(json).validate(DescribedIn::File, &secrets)
}

#[test]
fn source_of_the_cluster_cannot_name_files_and_variables_of_rollgate() {
    let secrets: Arc<dyn Secrets> = Arc::new(crate::sources::Disconnected);
    let validate = |json: &str| spec(json).validate(DescribedIn::Cluster, &secrets);
    for (pointer, json) in [
        (
            "bearerToken",
            r#"{"url": "http://p", "bearerToken": {"file": "/etc/passwd"}}"#,
        ),
        (
            "bearerToken",
            r#"{"url": "http://p", "bearerToken": {"env": "PATH"}}"#,
        ),
        (
            "basicAuth/password",
            r#"{"url": "http://p", "basicAuth": {"username": "u", "password": {"env": "PATH"}}}"#,
        ),
        ("caFile", r#"{"url": "https://p", "caFile": "/etc/passwd"}"#),
    ] {
        let error = validate(json).expect_err(json);
        assert_eq!(error.pointer, format!("/spec/prometheus/{pointer}"));
        assert!(error.message.contains("in the cluster"), "{error}");
    }
    let secret =
        r#"{"url": "https://p", "bearerToken": {"secret": {"name": "p", "key": "token"}}}"#;
    assert!(matches!(
        validate(secret).expect("settings").credential,
        Some(Credential::Bearer(SecretSource::Cluster(_)))
    ));
}

#[test]
fn credential_is_sent_without_tls_only_if_the_spec_says_insecure() {
    let secret = r#"{"secret": {"name": "p", "key": "k"}}"#;
    let bearer = format!(r#""bearerToken": {secret}"#);
    let basic = format!(r#""basicAuth": {{"username": "u", "password": {secret}}}"#);
    for (field, credential) in [("bearerToken", bearer), ("basicAuth", basic)] {
        let error = refused(&format!(r#"{{"url": "http://p", {credential}}}"#));
        assert_eq!(error.pointer, format!("/spec/prometheus/{field}"));
        assert!(error.message.contains("write `insecure: true`"), "{error}");
        for accepted in [
            format!(r#"{{"url": "https://p", {credential}}}"#),
            format!(r#"{{"url": "http://p", "insecure": true, {credential}}}"#),
        ] {
            assert!(validate(&accepted).is_ok(), "{accepted}");
        }
    }
}

#[test]
fn url_alone_is_a_valid_spec() {
    let settings = validate(r#"{"url": "http://prometheus:9090"}"#).expect("settings");
    assert_eq!(settings.limits.timeout, Duration::from_millis(1500));
    assert_eq!(
        (settings.limits.bytes, settings.limits.series),
        (1 << 20, 100)
    );
    assert_eq!(settings.limits.cache_for, Duration::from_secs(5));
    assert!(settings.credential.is_none());
}

#[test]
fn durations_have_units() {
    let spec = spec(r#"{"url": "http://p", "timeout": "2s 500ms", "cacheFor": "1m"}"#);
    let limits = spec
        .validate(
            DescribedIn::File,
            &(Arc::new(crate::sources::Disconnected) as Arc<dyn Secrets>),
        )
        .expect("settings")
        .limits;
    assert_eq!(limits.timeout, Duration::from_millis(2500));
    assert_eq!(limits.cache_for, Duration::from_secs(60));
}

#[test]
fn unknown_fields_are_refused() {
    let error = serde_json::from_str::<Spec>(r#"{"url": "http://p", "token": "s3cret"}"#);
    assert!(
        error
            .expect_err("refused")
            .to_string()
            .contains("unknown field `token`")
    );
}

#[test]
fn invalid_url_is_refused_with_an_example() {
    for (url, said) in [
        ("prometheus:9090", "http://"),
        ("", "not a URL"),
        ("ftp://p", "http://"),
        ("http://p/?q=1", "before any ? or #"),
        ("http://p/#x", "before any ? or #"),
        ("http://p/prom/api/v1/", "leave out /api/v1"),
        ("http://user@p", "use basicAuth"),
    ] {
        let error = refused(&format!(r#"{{"url": "{url}"}}"#));
        assert_eq!(error.pointer, "/spec/prometheus/url", "{url}");
        assert!(error.message.contains(said), "{url}: {error}");
    }
}

#[test]
fn password_in_the_url_is_refused_and_not_repeated() {
    let error = refused(r#"{"url": "http://user:s3cret@p"}"#);
    assert!(!error.message.contains("s3cret"), "{error}");
    assert!(error.message.contains("basicAuth"), "{error}");
}

#[test]
fn credentials_in_headers_are_refused_and_not_repeated() {
    for name in ["Authorization", "cookie", "Proxy-Authorization"] {
        let error = refused(&format!(
            r#"{{"url": "http://p", "headers": {{"{name}": "s3cret"}}}}"#
        ));
        assert_eq!(error.pointer, format!("/spec/prometheus/headers/{name}"));
        assert!(error.message.contains("bearerToken"), "{error}");
        assert!(!error.message.contains("s3cret"), "{error}");
    }
}

#[test]
fn invalid_headers_are_refused() {
    let error = refused(r#"{"url": "http://p", "headers": {"a/b c": "x"}}"#);
    assert_eq!(error.pointer, "/spec/prometheus/headers/a~1b c");
    assert!(
        refused(r#"{"url": "http://p", "headers": {"X": "a\nb"}}"#)
            .message
            .contains("one line")
    );
    assert!(
        refused(r#"{"url": "http://p", "headers": {"Host": "x"}}"#)
            .message
            .contains("itself")
    );
}

#[test]
fn limits_out_of_range_are_refused() {
    for (field, value, said) in [
        ("timeout", "\"31s\"", "from 100ms to 30s"),
        ("timeout", "\"-1s\"", "from 100ms to 30s"),
        ("cacheFor", "\"0s\"", "from 1s to 5m"),
        ("cacheFor", "\"1h\"", "from 1s to 5m"),
        ("maxBytes", "0", "from 1024 to 16777216"),
        ("maxSeries", "0", "from 1 to 10000"),
    ] {
        let error = refused(&format!(r#"{{"url": "http://p", "{field}": {value}}}"#));
        assert_eq!(error.pointer, format!("/spec/prometheus/{field}"));
        assert!(error.message.contains(said), "{error}");
    }
}

#[test]
fn two_credentials_exclude_each_other() {
    let error = refused(
        r#"{"url": "http://p", "bearerToken": {"env": "A"},
            "basicAuth": {"username": "u", "password": {"env": "B"}}}"#,
    );
    assert!(error.message.contains("keep one"), "{error}");
}

#[test]
fn unreadable_secret_is_refused_at_the_start() {
    let error = refused(r#"{"url": "http://p", "bearerToken": {"file": "/no/such/token"}}"#);
    assert_eq!(error.pointer, "/spec/prometheus/bearerToken");
    assert!(error.message.contains("/no/such/token"), "{error}");
    let error = refused(
        r#"{"url": "http://p", "basicAuth": {"username": "u", "password": {"env": "ROLLGATE_UNSET"}}}"#,
    );
    assert_eq!(error.pointer, "/spec/prometheus/basicAuth/password");
    assert!(error.message.contains("ROLLGATE_UNSET"), "{error}");
}

#[test]
fn ca_file_without_certificates_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().display();
    let error = refused(&format!(r#"{{"url": "https://p", "caFile": "{path}"}}"#));
    assert_eq!(error.pointer, "/spec/prometheus/caFile");
    assert!(error.message.contains("no certificate"), "{error}");
    assert!(
        refused(r#"{"url": "https://p", "caFile": "/no/such.pem"}"#)
            .message
            .contains("cannot be read")
    );
}
