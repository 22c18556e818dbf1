//! The value of a variable can never change the structure of a query.

use rollgate_sdk::template::{QueryTemplate, TemplateError};

const KNOWN: &[&str] = &["namespace", "name"];

fn render(template: &str, value: &str) -> String {
    let template = QueryTemplate::parse(template, KNOWN).expect("a sound template");
    template
        .render(|_| Ok::<_, ()>(value.to_owned()))
        .expect("a value for each variable")
}

#[test]
fn value_cannot_leave_its_quotes() {
    assert_eq!(
        render(r#"up{ns="${namespace}"}"#, r#"x"} or y{a=""#),
        r#"up{ns="x\"} or y{a=\""}"#
    );
    assert_eq!(
        render(r"up{ns='${namespace}'}", r#"it's "x""#),
        r#"up{ns='it\'s "x"'}"#
    );
    assert_eq!(
        render(r#"up{ns="${namespace}"}"#, "a\\\nb"),
        r#"up{ns="a\\\nb"}"#
    );
}

#[test]
fn value_in_a_regex_matcher_matches_literally() {
    assert_eq!(
        render(r#"up{pod=~"${name}-.*"}"#, "a.b"),
        r#"up{pod=~"a\\.b-.*"}"#
    );
    assert_eq!(
        render(r#"up{pod !~ "x|${name}"}"#, "a|b"),
        r#"up{pod !~ "x|a\\|b"}"#
    );
    assert_eq!(
        render(r#"up{pod=~"${name}"}"#, "a\\"),
        r#"up{pod=~"a\\\\"}"#
    );
    assert_eq!(
        render(r#"up{a=~"x", pod="${name}"}"#, "a.b"),
        r#"up{a=~"x", pod="a.b"}"#
    );
}

#[test]
fn text_around_variables_is_unchanged() {
    let query = "sum(rate(x{a=\"\\\"${name}\\\"\"}[5m])) # don't\n > 0 and {b='${name}'} =~ `a$`";
    assert_eq!(render(query, "v"), query.replace("${name}", "v"));
    assert_eq!(
        render(r#"up{a="$${name}"} > $1"#, "v"),
        r#"up{a="${name}"} > $1"#
    );
    assert_eq!(render("ümläut{a=\"ß${name}\"}", "é"), "ümläut{a=\"ßé\"}");
}

#[test]
fn variable_outside_of_quotes_is_refused() {
    let refused = |template| QueryTemplate::parse(template, KNOWN).expect_err(template);
    let not_quoted = TemplateError::NotQuoted {
        name: "name".to_owned(),
    };
    for template in [
        "up > ${name}",
        "${name}",
        "up{a=`${name}`}",
        "up # ${name}",
        r#"up{a="x"} + ${name}"#,
    ] {
        assert_eq!(refused(template), not_quoted, "{template}");
    }
    assert_eq!(
        refused(r#"up{a="\"} > ${name}"#),
        TemplateError::UnclosedString
    );
    assert_eq!(
        refused(r#"up{a="${name"}"#).to_string(),
        "there is no variable `${name\"}`; there are: namespace, name"
    );
    assert_eq!(refused(r#"up{a="${name"#), TemplateError::Unclosed);
    assert_eq!(refused(r#"up{a="x}"#), TemplateError::UnclosedString);
    assert_eq!(
        refused(r#"up{a="${nmae}"}"#).to_string(),
        "there is no variable `${nmae}`; there are: namespace, name"
    );
}

#[test]
fn variables_are_listed_as_used() {
    let template = QueryTemplate::parse(r#"a{x="${name}",y="${namespace}",z="${name}"}"#, KNOWN)
        .expect("sound");
    assert_eq!(
        template.variables().collect::<Vec<_>>(),
        ["name", "namespace", "name"]
    );
}
