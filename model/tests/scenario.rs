//! The scenario format: parsing, validation and answers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rollgate_model::scenario::{MetricEntry, MetricRange, RevisionEntry, Scenario};
use rollgate_model::{
    Change, ClusterErrorCode, MetricsError, MetricsErrorCode, Operation, Point, Revisions, Sample,
    Series,
};
use rollgate_yaml as yaml;
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn complete() -> Scenario {
    Scenario::load(&file("tests/scenarios/complete.yaml")).expect("a sound scenario")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn parse(body: &str) -> Result<Scenario, String> {
    let head = "apiVersion: rollgate.dev/v1alpha1\nkind: Scenario\nmetadata: { name: test }\n";
    Scenario::parse(format!("{head}{body}").as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn scenario_survives_writing_and_parsing() {
    let scenario = complete();
    let yaml = scenario.to_yaml().expect("scenarios can be written");
    insta::assert_snapshot!(yaml);
    assert_eq!(
        Scenario::parse(yaml.as_bytes()).expect("what was written can be read"),
        scenario
    );
}

#[test]
fn ambiguous_scalars_are_quoted() {
    let awkward = [
        "yes",
        "no",
        "on",
        "y",
        "N",
        "~",
        "null",
        "",
        " ",
        "0755",
        "1_000",
        "1e3",
        ".5",
        "0x1F",
        ".inf",
        "2026-03-02",
        "12:30:45",
        "a: b",
        "a #b",
        "# a",
        "- a",
        "? a",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "<<",
        "=",
        "{{ a }}",
        "[a",
        "\"a\"",
        "'a'",
        "a\nb",
        "a\nb\n",
        "\n",
        " a\n b\n",
        "a\tb",
        "\ta",
        "a\u{0}b",
        "\u{1b}[31m",
        "\u{7f}",
        "ä€😀",
        "\u{feff}",
        "a\r\nb",
        "\u{85}",
        "\u{2028}",
        "---",
        "...",
        "a\n---\nb",
        "key: |\n  text",
        "trailing  ",
        "a\\b",
        "%YAML 1.2",
    ];
    let long = "a long line with many words in it ".repeat(20);
    let mut settings = serde_json::Map::new();
    for text in awkward.into_iter().chain([long.as_str()]) {
        settings.insert(text.to_owned(), json!([text, { "text": text }]));
    }
    let scenario = Scenario {
        settings: Some(settings.clone().into()),
        ..Scenario::named("awkward")
    };
    let yaml = scenario.to_yaml().expect("scenarios can be written");
    let back = Scenario::parse(yaml.as_bytes()).expect("what was written can be read");
    for (key, value) in &settings {
        assert_eq!(
            back.settings.as_ref().and_then(|back| back.get(key)),
            Some(value),
            "{key:?}"
        );
    }
    assert_eq!(back, scenario);
}

#[test]
fn recording_can_be_parsed() {
    let (noon, one) = (at("2026-03-02T12:00:00.5Z"), at("2026-03-02T13:00:00Z"));
    let sample = |value| Sample {
        labels: vec![("pod".into(), "a".into())],
        value,
        at: noon,
    };
    let values = [
        0.1 + 0.2,
        1e300,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        5e-324,
    ];
    let range = MetricRange {
        start: noon,
        end: one,
        step: Duration::from_millis(1500),
    };
    let series = Series {
        labels: Vec::new(),
        points: vec![Point {
            value: 1.0,
            at: noon,
        }],
    };
    let error = MetricsError {
        code: MetricsErrorCode::TooLarge,
        message: "1 MiB: too much".into(),
    };
    let mut scenario = Scenario::named("recorded");
    scenario.metrics = vec![
        MetricEntry::instant("a", "up", noon, Ok(values.map(sample).into())),
        MetricEntry::instant("a", "down", noon, Err(error.clone())),
        MetricEntry::range("a", "up", range, Ok(vec![series])),
        MetricEntry::range("a", "down", range, Err(error)),
    ];
    let yaml = scenario.to_yaml().expect("scenarios can be written");
    assert_eq!(
        Scenario::parse(yaml.as_bytes()).expect("what was written can be read"),
        scenario
    );
}

#[test]
fn invalid_scenario_is_refused_with_the_position() {
    let text = std::fs::read(file("tests/scenarios/refused.yaml")).expect("a data file");
    let cases = yaml::read(&text).remove(0).expect("sound YAML").tree;
    let told = cases.as_array().expect("a list").iter().map(|case| {
        let body = case.as_str().expect("a text");
        format!("{body}  => {}\n", parse(body).expect_err(body))
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn file_has_one_scenario_and_paths_are_relative_to_it() {
    let two = "a: 1\n---\nb: 2\n";
    let error = Scenario::parse(two.as_bytes()).expect_err("two documents");
    assert_eq!(
        error.to_string(),
        "a scenario file holds one document, and this one holds 2"
    );
    let error = Scenario::parse(b"").expect_err("no document");
    assert_eq!(
        error.to_string(),
        "a scenario file holds one document, and this one holds 0"
    );
    let error = Scenario::load(&file("tests/scenarios/gone.yaml")).expect_err("no file");
    assert_eq!(
        error.to_string(),
        "cannot be read: No such file or directory (os error 2)"
    );

    let old = complete().old.expect("it names a manifest");
    assert_eq!(
        old["spec"]["template"]["spec"]["containers"][0]["image"],
        "shop:1"
    );
    for (path, why) in [
        ("/etc/hostname", "give the path relative to the scenario"),
        ("gone.yaml", "No such file"),
    ] {
        let folder = tempfile(&format!("old: {path}\n"));
        let error = Scenario::load(&folder.join("scenario.yaml"))
            .expect_err(path)
            .to_string();
        assert!(
            error.starts_with(&format!("4:6: the manifest {path}: {why}")),
            "{error}"
        );
    }
}

/// Creates a folder with a scenario in it.
fn tempfile(body: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scenario-{:x}", body.len()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let head = "apiVersion: rollgate.dev/v1alpha1\nkind: Scenario\nmetadata: { name: test }\n";
    std::fs::write(folder.join("scenario.yaml"), format!("{head}{body}")).expect("a file");
    folder
}

#[test]
fn query_is_answered_at_its_instant() {
    let scenario = complete();
    let (now, query) = (at("2026-03-02T10:00:00Z"), "sum(rate(errors[5m]))");
    let answer = scenario
        .metrics_at("prometheus", query, now)
        .expect("it is answered");
    assert_eq!(
        answer,
        Ok(vec![Sample {
            labels: Vec::new(),
            value: 0.5,
            at: now
        }])
    );

    let earlier = at("2026-03-02T09:00:00Z");
    let answer = scenario
        .metrics_at("prometheus", query, earlier)
        .expect("it is answered");
    let samples = answer.expect("no error");
    assert!(samples[0].value.is_nan());
    assert_eq!(samples[0].at, at("2026-03-02T08:59:30Z"));
    let pod = vec![("pod".to_owned(), "shop-2".to_owned())];
    assert_eq!(
        samples[1],
        Sample {
            labels: pod,
            value: f64::INFINITY,
            at: earlier
        }
    );

    let failure = scenario
        .metrics_at("prometheus", "slow", now)
        .expect("it is answered");
    assert_eq!(
        failure.expect_err("an error").code,
        MetricsErrorCode::Timeout
    );
}

#[test]
fn entry_answers_any_instant_without_now() {
    let scenario =
        parse("metrics: [{ source: a, query: up, samples: [{ value: 1 }] }]\n").expect("sound");
    let any = at("2031-01-01T00:00:00Z");
    let answer = scenario.metrics_at("a", "up", any).expect("it is answered");
    assert_eq!(answer.expect("no error")[0].at, any);
}

#[test]
fn range_query_is_answered_for_the_same_range() {
    let scenario = complete();
    let range = MetricRange {
        start: at("2026-03-02T09:00:00Z"),
        end: at("2026-03-02T10:00:00Z"),
        step: Duration::from_secs(60),
    };
    let answer = scenario
        .metrics_range("prometheus", "up", range)
        .expect("it is answered");
    assert_eq!(
        answer.expect("no error")[0].points[1],
        Point {
            value: 0.0,
            at: at("2026-03-02T09:01:00Z")
        }
    );
    let other = MetricRange {
        step: Duration::from_secs(30),
        ..range
    };
    assert!(scenario.metrics_range("prometheus", "up", other).is_err());
    assert!(
        scenario
            .metrics_at("prometheus", "up", range.start)
            .is_err()
    );
}

#[test]
fn objects_are_read_and_listed_as_in_a_cluster() {
    let scenario = complete();
    let name = |object: &Value| {
        object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let get = |namespace, name| {
        scenario
            .object("v1", "ConfigMap", namespace, name)
            .expect("answered")
    };
    assert_eq!(name(get("shop", "limits").expect("it is there")), "limits");
    let gone = get("cart", "limits").expect_err("it is not there");
    assert_eq!(
        (gone.code, gone.message.as_str()),
        (
            ClusterErrorCode::NotFound,
            "there is no ConfigMap cart/limits"
        )
    );

    let list = |namespace, labels| {
        let found = scenario
            .list("v1", "ConfigMap", namespace, labels)
            .expect("answered");
        found.map(|objects| objects.into_iter().map(name).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(list("", ""), Ok("z a limits".into()));
    assert_eq!(list("shop", ""), Ok("a limits".into()));
    assert_eq!(list("shop", "team in (red, green)"), Ok("limits".into()));
    assert_eq!(list("", "!team"), Ok("z".into()));
    assert_eq!(
        list("", "team=").map_err(|error| error.code),
        Ok(String::new())
    );
    assert_eq!(
        list("", "team in").map_err(|error| error.code),
        Err(ClusterErrorCode::Invalid)
    );
    assert_eq!(
        scenario.list("v1", "Secret", "", "").expect("answered"),
        Ok(Vec::new())
    );

    let node = scenario
        .object("v1", "Node", "", "a")
        .expect("answered")
        .expect_err("refused");
    assert_eq!(node.code, ClusterErrorCode::Forbidden);
    let nodes = scenario
        .list("v1", "Node", "", "")
        .expect("answered")
        .expect_err("refused");
    assert_eq!(nodes.message, "the host may not read nodes");
}

#[test]
fn missing_fact_prints_the_lines_that_answer_it() {
    let scenario = Scenario {
        now: Some(at("2026-03-02T10:00:00Z")),
        ..Scenario::named("empty")
    };
    let range = MetricRange {
        start: at("2026-03-02T09:00:00Z"),
        end: at("2026-03-02T10:00:00Z"),
        step: Duration::from_secs(30),
    };
    let query = r#"rate(errors{path="/a: b"}[5m])"#;
    let asked = |scenario: &Scenario| {
        [
            scenario
                .metrics_at("prometheus", query, at("2026-03-02T10:00:00Z"))
                .err(),
            scenario
                .metrics_at("prometheus", query, at("2026-03-02T09:00:00Z"))
                .err(),
            scenario.metrics_range("prometheus", query, range).err(),
            scenario.object("v1", "ConfigMap", "shop", "limits").err(),
            scenario.list("v1", "Node", "", "role=db").err(),
        ]
    };
    let unanswered =
        asked(&scenario).map(|question| question.expect("nothing is answered").to_string());
    insta::assert_snapshot!(unanswered.join("\n\n"));

    for (index, question) in unanswered.iter().enumerate() {
        let (_, lines) = question.split_once(":\n").expect("lines to add");
        let head = "now: 2026-03-02T10:00:00Z\n";
        let answered = parse(&format!("{head}{lines}\n")).expect("the lines are sound");
        assert_eq!(asked(&answered)[index], None, "{lines}");
    }
}

#[test]
fn scenario_describes_a_request_and_its_class() {
    let scenario = complete();
    let request = scenario.request().expect("it has objects");
    assert_eq!(request.operation, Operation::Update);
    assert_eq!(
        (request.user.as_str(), request.groups.len(), request.dry_run),
        ("ada", 1, true)
    );
    let rollout = scenario.rollout().expect("valid objects");
    assert_eq!(rollout.change(), Change::RollForward);

    let create = Scenario {
        old: None,
        ..complete()
    };
    assert_eq!(
        create.request().expect("it has an object").operation,
        Operation::Create
    );
    let delete = Scenario {
        new: None,
        ..complete()
    };
    assert_eq!(
        delete.request().expect("it has an object").operation,
        Operation::Delete
    );
    assert!(Scenario::named("world").classify().is_err());
}

#[test]
fn revisions_are_known_unknown_or_none() {
    let Revisions::Known(revisions) = complete().revisions() else {
        panic!("they are listed");
    };
    assert_eq!(revisions[0].has_pods, Some(true));
    assert_eq!(RevisionEntry::from(&revisions[0]).number, Some(3));
    assert_eq!(
        parse("revisions: []\n").expect("sound").revisions(),
        Revisions::Known(Vec::new())
    );
    assert!(matches!(
        parse("").expect("sound").revisions(),
        Revisions::Unknown { .. }
    ));
}

#[test]
fn documented_scenario_is_valid() {
    let guide = std::fs::read_to_string(file("../docs/scenario.md")).expect("the guide");
    let examples: Vec<_> = guide
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let complete = examples
        .iter()
        .filter(|example| example.starts_with("apiVersion:"));
    let mut read = 0;
    for example in complete {
        Scenario::parse(example.as_bytes()).expect(example);
        read += 1;
    }
    assert_ne!(read, 0, "the guide shows a complete scenario");
}

#[test]
fn guide_documents_every_field_of_the_schema() {
    let guide = std::fs::read_to_string(file("../docs/scenario.md")).expect("the guide");
    let schema = Scenario::schema();
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema).expect("JSON"));
    let fields = schema["properties"].as_object().expect("fields");
    let expect = schema["$defs"]["Expectation"]["properties"]
        .as_object()
        .expect("fields");
    for field in fields.keys().chain(expect.keys()) {
        assert!(
            guide.contains(&format!("`{field}`")),
            "docs/scenario.md does not tell of `{field}`"
        );
    }
}
