//! YAML: the values of scalars, positions, and hostile texts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rollgate_strict::pointer;
use rollgate_yaml::{self as yaml, Document, YamlErrorKind};
use serde_json::{Value, json};

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/yaml")
        .join(name);
    std::fs::read_to_string(path).expect("a data file")
}

fn one(text: &str) -> Document {
    let mut documents = yaml::read(text.as_bytes());
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0).expect("a sound document")
}

fn refusal(text: &[u8]) -> yaml::YamlError {
    let mut errors: Vec<_> = yaml::read(text)
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert_eq!(errors.len(), 1);
    errors.remove(0)
}

/// Returns every pointer into a tree.
fn pointers(tree: &Value) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut below = |token: &str, value: &Value| {
        let mut start = String::new();
        pointer::push(&mut start, token);
        let rest = pointers(value).into_iter();
        all.extend(rest.map(|rest| format!("{start}{rest}")));
    };
    match tree {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, value)| below(&index.to_string(), value)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| below(key, value)),
        _ => {}
    }
    all
}

#[test]
fn scalars_have_the_values_that_kubectl_gives_them() {
    for pair in one(&data("scalars.yaml")).tree.as_array().expect("a list") {
        let expected = match &pair[1] {
            Value::String(json) => serde_json::from_str(json).expect("JSON"),
            number => number.clone(),
        };
        assert_eq!(pair[0], expected, "{pair}");
    }
}

#[test]
fn keys_that_are_numbers_or_booleans_become_strings() {
    let tree = one("1: a\n0x10: b\nyes: c\n1.5: d\n").tree;
    assert_eq!(
        tree,
        json!({ "1": "a", "16": "b", "true": "c", "1.5": "d" })
    );
}

#[test]
fn every_value_has_its_position() {
    let text = data("places.yaml");
    let document = one(&text);
    let mut shown = String::new();
    let absent = [
        "/nope".to_owned(),
        "/spec/template/spec/containers/0/livenessProbe/httpGet".to_owned(),
        "/spec/template/spec/containers/7".to_owned(),
        "/spec/template/spec/containers/01".to_owned(),
        "/metadata/annotations".to_owned(),
    ];
    for pointer in pointers(&document.tree).into_iter().chain(absent) {
        let place = document.spans.locate(&pointer);
        let (focus, value) = (
            &text[place.focus.bytes.clone()],
            &text[place.value.bytes.clone()],
        );
        let key = place.key.map_or("", |key| &text[key.bytes]);
        let kind = if place.exact { "" } else { " (nearest)" };
        let last = value.lines().last().unwrap_or_default().trim();
        writeln!(
            shown,
            "{pointer}{kind}\n  {} `{focus}`, key `{key}`, value at {} ends `{last}`",
            place.focus, place.value
        )
        .expect("a string takes all");
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn part_of_a_document_has_positions() {
    let list = one("kind: List\nitems:\n  - a: 1\n  - b: [2, 3]\n");
    let spec = list.at("/items/1").expect("it stands there");
    assert_eq!(spec.tree, json!({ "b": [2, 3] }));
    assert_eq!(spec.spans.locate("/b/1").focus.to_string(), "4:12");
    assert!(list.at("/items/2").is_none());

    let items = list.into_items("/items");
    let places = items
        .iter()
        .map(|item| item.spans.locate("").focus.to_string());
    assert_eq!(places.collect::<Vec<_>>(), ["3:5", "4:5"]);
    assert_eq!(items[0].tree, json!({ "a": 1 }));
}

#[test]
fn items_behind_an_alias_have_the_position_of_the_alias() {
    let list = one("base: &base [{ a: 1 }, { a: 2 }]\nitems: *base\n");
    let items = list.into_items("/items");
    assert_eq!(items.len(), 2);
    assert_eq!(items[1].tree, json!({ "a": 2 }));
    assert_eq!(items[1].spans.locate("/a").focus.to_string(), "2:8");
}

#[test]
fn value_that_is_no_list_has_no_items() {
    assert!(one("items: 1\n").into_items("/items").is_empty());
    assert!(one("a: 1\n").into_items("/items").is_empty());
}

#[test]
fn documents_without_content_are_left_out() {
    assert!(yaml::read(b"").is_empty());
    assert!(yaml::read(b"# only a comment\n---\n# and another\n---\n~\n...\n").is_empty());
    assert!(yaml::read(b"\xef\xbb\xbf").is_empty());
    assert_eq!(one("---\n# head\n---\na: 1\n---\n").tree, json!({ "a": 1 }));
}

#[test]
fn invalid_document_does_not_hide_others() {
    let text = "a: 1\n---\nb: [1\n---\nc: 3\n---\nd: 4\nd: 5\n---\ne: *x\n---\nf: 6\n";
    let shown: Vec<_> = yaml::read(text.as_bytes())
        .into_iter()
        .map(|document| match document {
            Ok(document) => document.tree.to_string(),
            Err(error) => error.location.to_string(),
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"{"a":1}"#,
            "3:4",
            r#"{"c":3}"#,
            "8:1",
            "10:4",
            r#"{"f":6}"#
        ]
    );
}

#[test]
fn json_is_parsed_with_escapes_and_positions() {
    let text = "{\n\t\"a\\u00e9\\/\": [1, {\"b\": null}],\r\n\t\"c\": \"\\ud83d\\ude00\"}";
    let document = one(text);
    assert_eq!(
        document.tree,
        json!({ "aé/": [1, { "b": null }], "c": "😀" })
    );
    assert_eq!(document.spans.locate("/aé~1/1/b").focus.to_string(), "2:25");
    assert_eq!(document.spans.locate("/c").focus.to_string(), "3:7");
}

#[test]
fn byte_order_mark_and_carriage_returns_shift_no_position() {
    let text = "\u{feff}a: ä\r\nbü: [1,\r\n  2]\r\n";
    let document = one(text);
    assert_eq!(document.tree, json!({ "a": "ä", "bü": [1, 2] }));
    assert_eq!(document.spans.locate("/a").focus.to_string(), "1:4");
    assert_eq!(document.spans.locate("/bü/1").focus.to_string(), "3:3");
    assert_eq!(&text[document.spans.locate("/bü/1").focus.bytes], "2");
}

#[test]
fn invalid_yaml_is_reported_with_its_position() {
    for case in one(&data("refused.yaml")).tree.as_array().expect("a list") {
        let text = case["text"].as_str().expect("a text");
        assert_eq!(
            refusal(text.as_bytes()).to_string(),
            case["error"],
            "{text:?}"
        );
    }
}

#[test]
fn invalid_utf8_is_reported_with_its_position() {
    let latin = refusal(b"a: 1\nb: caf\xe9\n");
    assert_eq!(
        (latin.kind, latin.location.to_string()),
        (YamlErrorKind::NotUtf8, "2:7".into())
    );
    let utf16 = refusal(b"\xff\xfea\0:\0");
    assert_eq!(utf16.kind, YamlErrorKind::NotUtf8);
    let nul = refusal(b"a: 1\nb: x\0y\n");
    assert_eq!(
        (nul.kind, nul.location.to_string()),
        (YamlErrorKind::ControlCharacter(0), "2:5".into())
    );
}

#[test]
fn billion_laughs_are_refused_without_using_memory() {
    let mut bomb = String::from("a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for level in 1..12 {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{uses}]").expect("a string takes all");
    }
    bomb.push_str("---\nafter: the bomb\n");
    let documents = yaml::read(bomb.as_bytes());
    assert_eq!(documents.len(), 2);
    let error = documents[0].as_ref().expect_err("a bomb");
    assert_eq!(error.kind, YamlErrorKind::TooManyAliases);
    assert_eq!(
        documents[1].as_ref().expect("a sound document").tree,
        json!({ "after": "the bomb" })
    );
}

#[test]
fn documents_share_one_limit_for_aliases() {
    let document = format!(
        "a: &a {}\nb: [{}]\n---\n",
        "x".repeat(1 << 20),
        ["*a"; 10].join(", ")
    );
    let documents = yaml::read(document.repeat(10).as_bytes());
    let sound = documents.iter().filter(|document| document.is_ok()).count();
    assert!((1..10).contains(&sound), "{sound} were read");
}

#[test]
fn excessive_nesting_is_refused() {
    let depth = 10_000;
    let blocks: String = (0..1000).map(|level| " ".repeat(level) + "a:\n").collect();
    let compact = "- ".repeat(depth);
    for text in ["[".repeat(depth), "{a: ".repeat(depth), compact, blocks] {
        assert!(yaml::read(text.as_bytes()).iter().any(Result::is_err));
    }
    let mixed = format!("{}{}{}", "- ".repeat(200), "[".repeat(200), "]".repeat(200));
    assert_eq!(refusal(mixed.as_bytes()).kind, YamlErrorKind::TooDeep);
}

#[test]
fn aliases_count_towards_the_maximum_nesting() {
    let (open, close) = ("[".repeat(200), "]".repeat(200));
    let mut text = format!("a0: &a0 {open}{close}\n");
    for level in 1..60 {
        writeln!(text, "a{level}: &a{level} {open}*a{}{close}", level - 1)
            .expect("a string takes all");
    }
    assert_eq!(refusal(text.as_bytes()).kind, YamlErrorKind::TooDeep);
}

#[test]
fn long_repetitions_are_parsed_in_linear_time() {
    let n = 100_000;
    for text in [
        "a: &a 1\n".to_owned() + &"- *a\n".repeat(n),
        "!".repeat(n),
        "&".repeat(n),
        "? ".repeat(n),
        "a: ".repeat(n),
        "--- ".repeat(n),
        "---\n".repeat(n),
        "\"".repeat(n),
        "#".repeat(n),
        "%".repeat(n),
        "- - ".repeat(200) + &"x".repeat(n),
        "k".repeat(n) + ": 1",
        "9".repeat(n),
        "[*a, ".repeat(n),
    ] {
        let start = std::time::Instant::now();
        let documents = yaml::read(text.as_bytes());
        assert!(
            start.elapsed().as_secs() < 10,
            "{:?}… took {:?}",
            &text[..8],
            start.elapsed()
        );
        drop(documents);
    }
}

#[test]
fn positions_in_a_mutated_text_stay_inside_it() {
    let texts = ["places.yaml", "scalars.yaml", "refused.yaml"];
    let texts = texts.map(|name| data(name).into_bytes());
    let bits = b"[]{},:?-&*!|>'\"%@`#~<= \t\n\r.0yn\\\xef\xbb\xbf\xc3\xa4";
    let mut seed: usize = 1;
    let mut random = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut sound = 0;
    for text in texts.iter().cycle().take(1000) {
        let mut text = text.clone();
        for _ in 0..=random(4) {
            let (at, len) = (random(text.len()), random(3));
            let end = (at + len).min(text.len());
            let with = random(bits.len());
            text.splice(
                at..end,
                bits[with..(with + random(3)).min(bits.len())]
                    .iter()
                    .copied(),
            );
        }
        for document in yaml::read(&text) {
            match document {
                Ok(document) => sound += holds_its_places(Path::new("mutation"), &document),
                Err(error) => assert!(error.location.bytes.end <= text.len()),
            }
        }
    }
    assert_ne!(sound, 0, "some mutations leave a text sound");
}

#[test]
fn positions_in_the_corpus_are_inside_their_documents() {
    let Some(corpus) = std::env::var_os("ROLLGATE_CORPUS") else {
        eprintln!("skipped: ROLLGATE_CORPUS is not set");
        return;
    };
    let mut files = Vec::new();
    collect(Path::new(&corpus), &mut files);
    assert!(!files.is_empty(), "no YAML in {}", corpus.display());
    let mut counts = (0, 0, 0);
    for file in &files {
        let bytes = std::fs::read(file).expect("a file of the corpus");
        for document in yaml::read(&bytes) {
            match document {
                Err(error) => {
                    eprintln!("{}:{error}", file.display());
                    counts.1 += 1;
                }
                Ok(document) => {
                    counts.0 += 1;
                    counts.2 += holds_its_places(file, &document);
                }
            }
        }
    }
    eprintln!(
        "{} files, {} documents, {} broken, {} places",
        files.len(),
        counts.0,
        counts.1,
        counts.2
    );
    assert!(counts.0 > counts.1);
}

fn holds_its_places(file: &Path, document: &Document) -> usize {
    let whole = document.spans.locate("").value.bytes;
    let all = pointers(&document.tree);
    for pointer in &all {
        let place = document.spans.locate(pointer);
        assert!(place.exact, "{} {pointer}", file.display());
        for bytes in [Some(place.value), place.key, Some(place.focus)]
            .into_iter()
            .flatten()
        {
            let inside = whole.start <= bytes.bytes.start && bytes.bytes.end <= whole.end;
            assert!(
                inside,
                "{} {pointer}: {bytes:?} in {whole:?}",
                file.display()
            );
            assert!(document.spans.text().get(bytes.bytes).is_some());
        }
    }
    all.len()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the corpus") {
        let path = entry.expect("an entry of the corpus").path();
        let is_yaml = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if path.is_dir() {
            collect(&path, files);
        } else if is_yaml {
            files.push(path);
        }
    }
}

#[test]
fn key_after_a_merge_overrides_it_and_earlier_mappings_win() {
    for (text, tree) in [
        ("<<: {p: 1, q: 1}\np: 2", json!({ "p": 2, "q": 1 })),
        (
            "r: 3\n<<: [{p: 1}, {p: 2, q: 2}]",
            json!({ "p": 1, "q": 2, "r": 3 }),
        ),
        ("p: 1\n<<: {p: 1, q: 2}", json!({ "p": 1, "q": 2 })),
        ("<<: {p: 1}\n<<: {q: 2}\n", json!({ "p": 1, "q": 2 })),
        ("'<<': {p: 1}", json!({ "<<": { "p": 1 } })),
    ] {
        assert_eq!(one(text).tree, tree, "{text}");
    }
}

#[test]
fn document_that_cannot_be_parsed_does_not_affect_others() {
    let text = "a: 1\n---\n{{ .Values.b }}\nb: [\n---\nc: 3\n...\nd: [\n---\n\u{feff}e: 5\n";
    let read = yaml::read(text.as_bytes());
    let read: Vec<_> = read
        .iter()
        .map(|read| read.as_ref().map(|it| &it.tree).ok())
        .collect();
    assert_eq!(
        read,
        [
            Some(&json!({ "a": 1 })),
            None,
            Some(&json!({ "c": 3 })),
            None,
            Some(&json!({ "e": 5 }))
        ]
    );
}

#[test]
fn positions_are_relative_to_the_start_of_the_text() {
    let text = "{\"a\": 1}{\"b\": 2}\n---\n\u{feff}c: 3\n---\nd: [4\n";
    let read = yaml::read(text.as_bytes());
    let place = |at: usize, pointer| {
        let document = read[at].as_ref().expect("a sound document");
        document.spans.locate(pointer).focus.to_string()
    };
    assert_eq!(
        [place(0, "/a"), place(1, "/b"), place(2, "/c")],
        ["1:7", "1:15", "3:4"]
    );
    let error = read[3].as_ref().expect_err("an open bracket");
    assert_eq!(error.location.to_string(), "5:4");
}
