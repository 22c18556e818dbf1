//! How much memory a tree takes, by an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rollgate_model::json::{Builder, Value};
use rollgate_model::{Kind, Workload};
use serde::de::DeserializeSeed as _;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts what each thread has allocated, so that tests do not count each other.
struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let now = NOW.get() + bytes;
    NOW.set(now);
    PEAK.set(PEAK.get().max(now));
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).expect("a size")
}

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Old and new are there at once while the bytes are copied.
        count(signed(size));
        count(-signed(layout.size()));
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Returns the result, the most bytes that were allocated at once, and those that still are.
fn measured<T>(run: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = NOW.get();
    PEAK.set(before);
    let result = run();
    let bytes = |end: isize| usize::try_from(end - before).unwrap_or(0);
    (result, bytes(PEAK.get()), bytes(NOW.get()))
}

/// Whether a limit of eight times the text is enough.
#[derive(Clone, Copy, PartialEq)]
enum Density {
    /// Nothing that is written for a purpose looks like this.
    Absurd,
    Ordinary,
}

const SHAPES: [(&str, Density); 12] = [
    ("0", Density::Absurd),
    ("[]", Density::Absurd),
    ("{}", Density::Absurd),
    (r#"{"":0}"#, Density::Absurd),
    (r#"{"":{}}"#, Density::Absurd),
    ("[[]]", Density::Absurd),
    ("[[[[[[[[]]]]]]]]", Density::Absurd),
    (r#"{"a":1,"b":2,"c":3}"#, Density::Absurd),
    (r#"{"name":"FOO","value":"bar"}"#, Density::Ordinary),
    (r#""0123456789""#, Density::Ordinary),
    (
        r#""a text that is too long to be kept in place""#,
        Density::Ordinary,
    ),
    (
        r#""\u00e9\n\u00e9\n\u00e9\n\u00e9\n\u00e9\n""#,
        Density::Ordinary,
    ),
];

fn list_of(element: &str, bytes: usize) -> String {
    let count = bytes / (element.len() + 1);
    format!("[{}]", vec![element; count].join(","))
}

fn tree(text: &str, builder: &mut Builder) -> serde_json::Result<Value> {
    let mut json = serde_json::Deserializer::from_str(text);
    let tree = builder.tree().deserialize(&mut json);
    builder.finish();
    tree
}

#[test]
fn tree_takes_what_its_builder_counts_whatever_it_consists_of() {
    for (element, _) in SHAPES {
        let text = list_of(element, 1 << 20);
        let mut builder = Builder::new(usize::MAX);
        let (tree, peak, left) = measured(|| tree(&text, &mut builder));
        let counted = (builder.peak(), builder.used());
        assert!(
            peak <= counted.0,
            "{element}: {peak} at once, counted {counted:?}"
        );
        assert!(
            left <= counted.1,
            "{element}: {left} left, counted {counted:?}"
        );
        let tree = tree.expect("JSON");
        assert!(
            tree.bytes() <= left + 24,
            "{element}: {} of {left}",
            tree.bytes()
        );
    }
}

#[test]
fn no_tree_takes_more_than_its_limit() {
    for (element, density) in SHAPES {
        for bytes in [1 << 10, 1 << 14, 1 << 20] {
            let text = list_of(element, bytes);
            let most = 7 * text.len() + (1 << 20);
            let mut builder = Builder::new(most);
            let (tree, peak, _) = measured(|| tree(&text, &mut builder).map(drop));
            assert!(peak <= most, "{element}: {peak} of {most}");
            assert_eq!(tree.is_err(), builder.is_exceeded(), "{element}");
            if density == Density::Ordinary || bytes <= 1 << 14 {
                assert!(tree.is_ok(), "{element} of {bytes} bytes: {tree:?}");
            }
        }
    }
}

#[test]
fn limit_is_reached_deep_inside_a_tree_too() {
    let list = list_of("{}", 1 << 20);
    let text = format!(r#"{{"a":[[{{"b":{list}}}]]}}"#);
    let mut builder = Builder::new(1 << 20);
    let (tree, peak, left) = measured(|| tree(&text, &mut builder).map(drop));
    assert!(tree.is_err() && builder.is_exceeded());
    assert!(peak <= 1 << 20, "{peak}");
    assert!(left < 1 << 10, "{left}");
}

/// Objects that get many records and defaults for each byte.
#[test]
fn parsing_an_object_takes_no_more_than_its_weight() {
    const TIMES: usize = 1000;
    let pod = |spec: String| format!(r#""template":{{"spec":{{"containers":[{{}}],{spec}}}}}"#);
    let many = |element: &str| vec![element; TIMES].join(",");
    let keys = (0..TIMES)
        .map(|key| format!(r#""k{key}":"""#))
        .collect::<Vec<_>>()
        .join(",");
    let specs = [
        (
            Kind::Deployment,
            format!(r#""template":{{"spec":{{"containers":[{}]}}}}"#, many("{}")),
        ),
        (
            Kind::Deployment,
            pod(format!(
                r#""initContainers":[{{"ports":[{}]}}]"#,
                many("{}")
            )),
        ),
        (
            Kind::Deployment,
            pod(format!(
                r#""initContainers":[{{"args":[{}]}}]"#,
                many(r#""""#)
            )),
        ),
        (
            Kind::Deployment,
            pod(format!(
                r#""initContainers":[{{"resources":{{"limits":{{{keys}}}}}}}]"#
            )),
        ),
        (
            Kind::Deployment,
            pod(format!(
                r#""initContainers":[{{"env":[{}]}}]"#,
                many(r#"{"valueFrom":{"fieldRef":{}}}"#)
            )),
        ),
        (
            Kind::Deployment,
            pod(format!(
                r#""initContainers":[{{"volumeMounts":[{}]}}]"#,
                many("{}")
            )),
        ),
        (
            Kind::Deployment,
            pod(format!(
                r#""initContainers":[{}]"#,
                many(r#"{"livenessProbe":{"httpGet":{"port":1}}}"#)
            )),
        ),
        (
            Kind::Deployment,
            pod(format!(r#""volumes":[{}]"#, many("{}"))),
        ),
        (
            Kind::Deployment,
            pod(format!(r#""volumes":[{}]"#, many(r#"{"rbd":{}}"#))),
        ),
        (
            Kind::Deployment,
            pod(format!(r#""nodeSelector":{{{keys}}}"#)),
        ),
        (
            Kind::Deployment,
            pod(format!(r#""readinessGates":[{}]"#, many("{}"))),
        ),
        (
            Kind::StatefulSet,
            format!(
                "{},{}",
                pod(r#""volumes":[]"#.into()),
                format_args!(r#""volumeClaimTemplates":[{}]"#, many("{}"))
            ),
        ),
        (Kind::Service, format!(r#""ports":[{}]"#, many("{}"))),
        (Kind::Service, format!(r#""selector":{{{keys}}}"#)),
    ];
    for (kind, spec) in specs {
        let text = format!(
            r#"{{"apiVersion":"{}","kind":"{kind}","metadata":{{"labels":{{{keys}}}}},"spec":{{{spec}}}}}"#,
            kind.api_version()
        );
        let tree: Value = text.parse().expect("JSON");
        let weight = Workload::weight(&tree);
        let (workload, peak, _) = measured(|| Workload::parse(tree, None));
        workload.unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(
            peak <= weight,
            "{peak} of {weight}: {}",
            &text[text.len() - 200..]
        );
    }
}
