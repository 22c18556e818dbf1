//! What the fuzzers of `fuzz/` call, and tests that replay their corpora.

/// Parses and classifies a review as the webhook does, without a cluster.
pub fn review(body: &[u8]) {
    crate::admission::fuzzing::review(body);
}

/// Splits a snapshot of a component, where the bytes are both, one after the other.
pub fn component(bytes: &[u8]) {
    crate::engine::fuzzing::component(bytes);
}

/// Parses a response of Prometheus.
pub fn prometheus(body: &[u8]) {
    crate::sources::prometheus::fuzzing::answer(body);
}

/// Restricts a query of a tenant, and parses a matcher of an operator.
pub fn promql(query: &[u8]) {
    crate::sources::promql::fuzzing::query(query);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn corpus_is_read_without_a_panic() {
        type Fuzzer = fn(&[u8]);
        let corpora: [(&str, Fuzzer); 4] = [
            ("review", super::review),
            ("component", super::component),
            ("prometheus", super::prometheus),
            ("promql", super::promql),
        ];
        for (name, read) in corpora {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../fuzz/corpus")
                .join(name);
            let entries = fs::read_dir(&folder).expect("the corpus is in the repository");
            let mut count = 0;
            for entry in entries {
                read(&fs::read(entry.expect("it can be read").path()).expect("a file"));
                count += 1;
            }
            assert!(count > 0, "the corpus `{name}` is empty");
        }
    }
}
