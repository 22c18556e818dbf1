//! Trees against those of `serde_json`.

use serde::de::DeserializeSeed as _;
use serde_json::json;

use super::{Builder, Value};

fn samples() -> Vec<serde_json::Value> {
    let long = "a text that is longer than what fits in place";
    vec![
        json!(null),
        json!([
            true,
            false,
            0,
            -1,
            1.5,
            1.0,
            u64::MAX,
            i64::MIN,
            "",
            "x",
            long
        ]),
        json!({"b": {"": [], "\u{e9}\n\"": [{}]}, "a": long, long: [[[1]]]}),
        (0..40).map(|n| (n.to_string(), json!(n))).collect(),
    ]
}

#[test]
fn tree_has_the_text_and_the_values_of_serde_json() {
    for sample in samples() {
        let text = sample.to_string();
        let tree: Value = text.parse().expect("JSON");
        assert_eq!(tree.to_string(), text);
        assert_eq!(tree, sample);
        assert_eq!(tree, Value::from(&sample));
        assert_eq!(serde_json::Value::from(&tree), sample);
    }
}

#[test]
fn pointer_leads_to_the_value_that_serde_json_finds() {
    let sample = json!({"a/b": {"~": [10, {"": "x"}]}, "": 1, "0": [[]]});
    let mut tree = Value::from(&sample);
    for pointer in [
        "",
        "/",
        "/a~1b",
        "/a~1b/~0",
        "/a~1b/~0/0",
        "/a~1b/~0/00",
        "/a~1b/~0/+0",
        "/a~1b/~0/1/",
        "/a~1b/~0/2",
        "/0/0",
        "/0/0/0",
        "a",
        "/x",
        "//",
    ] {
        let expected = sample.pointer(pointer).map(Value::from);
        assert_eq!(tree.pointer(pointer), expected.as_ref(), "{pointer}");
        assert_eq!(tree.pointer_mut(pointer).cloned(), expected, "{pointer}");
    }
}

#[test]
fn last_of_equal_keys_counts() {
    let tree: Value = r#"{"b":1,"a":1,"b":2,"a":3,"b":3}"#.parse().expect("JSON");
    assert_eq!(tree, json!({"a": 3, "b": 3}));
}

#[test]
fn map_changes_as_that_of_serde_json() {
    let mut expected = serde_json::Map::new();
    let mut tree = Value::from(json!({}));
    let map = tree.as_object_mut().expect("an object");
    for key in ["m", "c", "x", "a", "m", "z", "k", "b", "y", "q", "c"] {
        let number = i64::try_from(map.len()).expect("few");
        map.insert(key, number.into());
        expected.insert(key.to_owned(), number.into());
    }
    assert_eq!(map.remove("q"), expected.remove("q").map(Value::from));
    assert_eq!(map.remove("q"), None);
    map.retain(|key, _| key != "a");
    expected.remove("a");
    assert_eq!(tree, serde_json::Value::Object(expected));
}

#[test]
fn object_of_the_api_has_no_managed_fields() {
    let text = r#"{"metadata":{"managedFields":[{"f":{}}],"name":"a"},"spec":{"metadata":{"managedFields":1}}}"#;
    let mut builder = Builder::new(usize::MAX);
    let mut json = serde_json::Deserializer::from_str(text);
    let tree = builder.object().deserialize(&mut json).expect("an object");
    let expected = json!({"metadata": {"name": "a"}, "spec": {"metadata": {"managedFields": 1}}});
    assert_eq!(tree, expected);
}

#[test]
fn anything_but_an_object_is_no_object_of_the_api() {
    for text in ["[]", "1", "true", r#""cart""#, r#"{"metadata":[]}"#] {
        let mut json = serde_json::Deserializer::from_str(text);
        let error = Builder::new(usize::MAX).object().deserialize(&mut json);
        let error = error.expect_err(text).to_string();
        assert!(
            error.contains("of the API") || error.contains("the metadata"),
            "{error}"
        );
    }
}

#[test]
fn value_of_a_tree_takes_24_bytes() {
    assert_eq!(size_of::<Value>(), 24);
}
