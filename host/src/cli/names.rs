//! Parses names on the command line that become names in a cluster.

use rollgate_model::dns;

pub(super) fn namespace(text: &str) -> Result<String, String> {
    label("namespace", text)
}

pub(super) fn installation(text: &str) -> Result<String, String> {
    label("name of an installation", text)
}

fn label(what: &str, text: &str) -> Result<String, String> {
    if dns::is_label(text) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a {what} is 1 to 63 small letters, digits and -, with - at neither end"
    ))
}
