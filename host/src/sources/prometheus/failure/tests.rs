use super::*;

#[test]
fn addresses_in_error_messages_are_hidden() {
    for (given, shown) in [
        (
            "fetch from 10.0.0.7:10901 failed",
            "fetch from (address) failed",
        ),
        (
            "dial tcp [::1]:10901: refused",
            "dial tcp (address) refused",
        ),
        (
            "Addr: store-0.thanos.svc:10901, code 5",
            "Addr: (address) code 5",
        ),
        ("Get \"http://user:pw@x/y\": EOF", "Get (address) EOF"),
        ("from 192.168.1.1, again", "from (address) again"),
    ] {
        assert_eq!(without_addresses(given), shown);
    }
}

#[test]
fn positions_and_labels_in_error_messages_are_kept() {
    for text in [
        "invalid parameter \"query\": 1:15: parse error: unclosed left parenthesis",
        "found duplicate series: [{instance=\"shop-0:9090\", job=\"a\"}]",
        "bad number or duration syntax: \"5x\"",
    ] {
        assert_eq!(without_addresses(text), text);
    }
}

#[test]
fn text_of_the_server_becomes_one_line_of_limited_length() {
    let line = server_text(&"ä\n\u{1b}[31m".repeat(1000));
    assert!(line.len() <= MAX_TEXT + '…'.len_utf8(), "{line}");
    assert!(!line.contains(char::is_control));
    assert_eq!(server_text("short"), "short");
}

#[test]
fn error_types_of_the_api_map_to_codes() {
    let code = |error_type| QueryError::from_api(error_type, "why").of("prod").code;
    assert_eq!(code("bad_data"), MetricsErrorCode::BadQuery);
    assert_eq!(code("execution"), MetricsErrorCode::BadQuery);
    assert_eq!(code("timeout"), MetricsErrorCode::Timeout);
    for other in [
        "canceled",
        "internal",
        "unavailable",
        "not_found",
        "unheard_of",
        "",
    ] {
        assert_eq!(code(other), MetricsErrorCode::Unavailable, "{other}");
    }
}

#[test]
fn error_message_names_the_source() {
    let error = QueryError::Overloaded.of("prod");
    assert_eq!(
        error.message,
        "metrics source \"prod\" is overloaded and turns queries away (HTTP 429)"
    );
}
