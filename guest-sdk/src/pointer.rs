//! RFC 6901 JSON pointers.

/// The JSON pointer made of `segments`, each escaped as RFC 6901 wants it.
///
/// ```
/// let path = rollgate_sdk::pointer(["metadata", "labels", "app.kubernetes.io/name"]);
/// assert_eq!(path, "/metadata/labels/app.kubernetes.io~1name");
/// ```
#[must_use]
pub fn pointer<'a>(segments: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for segment in segments {
        push_segment(&mut out, segment);
    }
    out
}

/// Appends `/` and the escaped `segment`.
pub(crate) fn push_segment(out: &mut String, segment: &str) {
    out.push('/');
    for c in segment.chars() {
        match c {
            '~' => out.push_str("~0"),
            '/' => out.push_str("~1"),
            _ => out.push(c),
        }
    }
}

/// `base` followed by `relative`, which may start with `/` or not. Empty names `base` itself.
pub(crate) fn join(base: &str, relative: &str) -> String {
    let relative = relative.trim_start_matches('/');
    if relative.is_empty() {
        base.to_owned()
    } else {
        [base, "/", relative].concat()
    }
}
