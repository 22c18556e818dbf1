//! Values that are secrets by their shape, and values that are none whatever their name.

use super::{Looks, without_references};

/// Returns what kind of secret a value is by its shape alone.
pub(super) fn of(value: &str) -> Option<Looks> {
    if is_private_key(value) {
        Some(Looks::PrivateKey)
    } else if is_token(value) {
        Some(Looks::Token)
    } else if has_password(value) {
        Some(Looks::PasswordInside)
    } else {
        None
    }
}

fn is_private_key(value: &str) -> bool {
    let begin = value.find("-----BEGIN ");
    begin.is_some_and(|at| value[at..].contains("PRIVATE KEY-----"))
}

/// The beginnings of tokens that services issue, and the least number of characters that follow.
const TOKENS: &[(&str, usize)] = &[
    ("AIza", 35),
    ("SG.", 40),
    ("dckr_pat_", 20),
    ("dop_v1_", 40),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("ghu_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("hf_", 30),
    ("hvs.", 20),
    ("npm_", 30),
    ("rk_live_", 16),
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("sk_live_", 16),
    ("xoxb-", 20),
    ("xoxp-", 20),
];

fn is_token(value: &str) -> bool {
    let value = value.strip_prefix("Bearer ").unwrap_or(value);
    let is_word = |text: &str| {
        let mut bytes = text.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let is_issued = TOKENS.iter().any(|(start, least)| {
        value
            .strip_prefix(start)
            .is_some_and(|rest| rest.len() >= *least && is_word(rest))
    });
    // A JSON web token: three parts, of which two are objects.
    let mut parts = value.split('.');
    let is_web_token = value.starts_with("eyJ")
        && parts
            .by_ref()
            .take(2)
            .filter(|part| part.starts_with("eyJ"))
            .count()
            == 2
        && parts.count() == 1
        && is_word(value);
    is_issued || is_web_token
}

/// Whether a URL has a password (`postgres://user:password@host`), or a connection string
/// (`Server=db;Password=…`).
fn has_password(value: &str) -> bool {
    let in_url = value.split_whitespace().any(|word| {
        let authority = word.split_once("://").map(|(_, rest)| rest);
        let end = authority.and_then(|rest| rest.find(['/', '?', '#']));
        let authority = authority.map(|rest| &rest[..end.unwrap_or(rest.len())]);
        let user = authority.and_then(|authority| authority.rsplit_once('@'));
        let password = user.and_then(|(user, _)| user.split_once(':'));
        password.is_some_and(|(_, password)| is_written(password))
    });
    in_url || value.contains(';') && value.split(';').any(is_password_field)
}

fn is_password_field(field: &str) -> bool {
    let Some((name, value)) = field.split_once('=') else {
        return false;
    };
    let name = name.trim();
    let names = ["password", "pwd", "accountkey", "sharedaccesskey"];
    names.iter().any(|known| known.eq_ignore_ascii_case(name)) && is_written(value)
}

/// Whether a password is written out, and not by reference or as a row of stars.
fn is_written(password: &str) -> bool {
    let rest = without_references(password);
    rest.contains(|c: char| c.is_alphanumeric()) && !is_mask(&rest)
}

/// Whether all characters are the same placeholder.
fn is_mask(text: &str) -> bool {
    text.chars()
        .all(|c| matches!(c, 'x' | 'X' | '*' | '.' | '-' | '_'))
}

/// Whether a value is certainly no secret: a switch, a number of few digits, a path, an address, or
/// a reference to a place where the secret is kept.
pub(super) fn is_harmless(value: &str) -> bool {
    let words = [
        "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "enabled", "disabled",
    ];
    words.iter().any(|word| word.eq_ignore_ascii_case(value))
        || (value.len() <= 4 && value.bytes().all(|byte| byte.is_ascii_digit()))
        || !is_written(value)
        || is_path(value)
        || is_reference(value)
}

/// Whether the value is the path of a file: absolute, or relative with a dot, without the letters
/// `+` and `=` of encoded keys.
fn is_path(value: &str) -> bool {
    let starts = value.starts_with('/') || value.starts_with("./") || value.starts_with("~/");
    starts && !value.contains(['+', '=', ' ']) && value.len() > 1
}

/// Whether the value names a place: `vault:…`, `arn:aws:secretsmanager:…`, `https://…`.
fn is_reference(value: &str) -> bool {
    let starts = [
        "vault:",
        "arn:",
        "ref+",
        "projects/",
        "secretref:",
        "@Microsoft.KeyVault(",
        "env:",
        "file:",
    ];
    // A URL with a password was found before.
    value.contains("://") || starts.iter().any(|start| value.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::super::looks;
    use super::*;

    #[test]
    fn secret_is_recognized_by_its_shape() {
        let token = "0123456789abcdefABCDEF0123456789abcd";
        for (value, why) in [
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", Looks::PrivateKey),
            ("-----BEGIN PRIVATE KEY-----", Looks::PrivateKey),
            (&["ghp_", token].concat(), Looks::Token),
            (&["Bearer glpat-", token].concat(), Looks::Token),
            (
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
                Looks::Token,
            ),
            (
                "postgres://shop:hunter2@db:5432/shop",
                Looks::PasswordInside,
            ),
            (
                "amqp://a:b@one:5672 amqp://a:$(P)@two:5672",
                Looks::PasswordInside,
            ),
            (
                "Server=db;User Id=sa;Password=hunter2",
                Looks::PasswordInside,
            ),
            (
                "DefaultEndpointsProtocol=https;AccountKey=YWJj",
                Looks::PasswordInside,
            ),
        ] {
            assert_eq!(looks("URL", value), Some(why), "{value}");
        }
    }

    #[test]
    fn value_without_a_secret_has_no_shape() {
        for value in [
            "",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN CERTIFICATE-----",
            "ghp_short",
            "eyJhbGciOiJIUzI1NiJ9",
            "eyJ.eyJ",
            "http://db:5432/a@b",
            "http://user@db/",
            "postgres://shop:$(DB_PASSWORD)@db/shop",
            "postgres://shop:${DB_PASSWORD}@db/shop",
            "postgres://shop:<password>@db/shop",
            "postgres://shop:****@db/shop",
            "postgres://shop:@db/shop",
            "redis://:@cache",
            "Server=db;Password=",
            "Server=db;Password=$(PASSWORD)",
            "Password=x",
            "a:b@c",
            "https://example.com/?a=b:c@d",
        ] {
            assert_eq!(of(value), None, "{value}");
        }
    }

    #[test]
    fn value_that_is_no_secret_is_none_whatever_its_name() {
        for value in [
            "true",
            "False",
            "300",
            "/run/secrets/db",
            "./token.txt",
            "$(PASSWORD)",
            "{{ .Values.password }}",
            "<your-token>",
            "***",
            "vault:secret/data/db#password",
            "arn:aws:secretsmanager:eu-central-1:1:secret:db",
            "https://auth.example.com/token",
            "op://vault/item/field",
        ] {
            assert_eq!(looks("DB_PASSWORD", value), None, "{value}");
        }
        for value in [
            "hunter2",
            "changeme",
            "12345678",
            "/ab+cd==",
            "pre-$(SUFFIX)",
        ] {
            assert_eq!(looks("DB_PASSWORD", value), Some(Looks::ByName), "{value}");
        }
    }
}
