//! JSON pointers (RFC 6901).

pub(crate) use rollgate_strict::pointer::push;

/// Returns the JSON pointer with these segments, each escaped as RFC 6901 requires.
///
/// ```
/// let path = rollgate_sdk::pointer(["metadata", "labels", "app.kubernetes.io/name"]);
/// assert_eq!(path, "/metadata/labels/app.kubernetes.io~1name");
/// ```
#[must_use]
pub fn pointer<'a>(segments: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for segment in segments {
        push(&mut out, segment);
    }
    out
}

/// Appends `relative` to `base`. It may start with `/` or not; if it is empty, the result is `base`.
pub(crate) fn join(base: &str, relative: &str) -> String {
    let relative = relative.trim_start_matches('/');
    if relative.is_empty() {
        base.to_owned()
    } else {
        [base, "/", relative].concat()
    }
}
