//! What the fuzzer of this crate calls, and a test that replays its corpus.

use serde_json::Value;

/// Parses a text, and finds the position of every value.
pub fn yaml(text: &[u8]) {
    for document in crate::read(text).into_iter().flatten() {
        let mut pointers = vec![(String::new(), &document.tree)];
        while let Some((pointer, value)) = pointers.pop() {
            let position = document.spans.locate(&pointer);
            let focus = position.focus;
            assert!(focus.line > 0 && focus.column > 0, "{pointer}: {focus}");
            let mut below = |token: &str, value| {
                let mut next = pointer.clone();
                rollgate_strict::pointer::push(&mut next, token);
                pointers.push((next, value));
            };
            match value {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        below(&index.to_string(), item);
                    }
                }
                Value::Object(fields) => fields.iter().for_each(|(key, it)| below(key, it)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn corpus_is_read_without_a_panic() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/yaml");
        let entries = std::fs::read_dir(folder).expect("the corpus is in the repository");
        let mut count = 0;
        for entry in entries {
            super::yaml(&std::fs::read(entry.expect("it can be read").path()).expect("a file"));
            count += 1;
        }
        assert!(count > 0, "the corpus is empty");
    }
}
