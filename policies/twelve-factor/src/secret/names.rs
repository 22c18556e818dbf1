//! Names of variables that have secrets.

/// Whether the last words of a name say that it is a secret: `DB_PASSWORD`, `apiKey`, `token-2`.
/// Another last word (`_FILE`, `_PATH`, `_DIR`, `_NAME`, `_ID`, `_URL`, `_TTL`, …) says that it is
/// something about a secret, or where to find it.
pub(super) fn is_secret(name: &str) -> bool {
    let words = words(name);
    let mut words: &[String] = &words;
    // `PASSWORD_1` and `TOKEN_OLD` are secrets, too.
    while let [rest @ .., last] = words
        && !rest.is_empty()
        && (last.bytes().all(|byte| byte.is_ascii_digit()) || VERSIONS.contains(&last.as_str()))
    {
        words = rest;
    }
    match words {
        [.., before, last] if last == "key" => KEYS.contains(&before.as_str()),
        // The last folder, not a password.
        [.., last] if last == "pwd" => words.len() > 1 && words[0] != "old",
        [.., last] => SECRETS.contains(&last.as_str()),
        [] => false,
    }
}

const VERSIONS: &[&str] = &["old", "new", "current", "previous", "primary", "secondary"];

/// Last words of names that have secrets.
const SECRETS: &[&str] = &[
    "accesskey",
    "apikey",
    "authkey",
    "authtoken",
    "accesstoken",
    "credential",
    "credentials",
    "encryptionkey",
    "passphrase",
    "passwd",
    "password",
    "pw",
    "privatekey",
    "secret",
    "secretkey",
    "signingkey",
    "token",
];

/// Words that make a `key` a secret one.
const KEYS: &[&str] = &[
    "access",
    "account",
    "api",
    "app",
    "auth",
    "encryption",
    "hmac",
    "jwt",
    "license",
    "master",
    "private",
    "secret",
    "session",
    "shared",
    "signing",
    "storage",
];

/// Splits a name into its words, in small letters: at `_`, `-`, `.` and before capital letters.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut was_small = false;
    for letter in name.chars() {
        let ends = matches!(letter, '_' | '-' | '.');
        if ends || (was_small && letter.is_ascii_uppercase()) {
            words.push(std::mem::take(&mut word));
        }
        if !ends {
            word.push(letter.to_ascii_lowercase());
        }
        was_small = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn secret_is_recognized_by_its_last_words() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "dbPassword",
            "POSTGRES_PASSWORD_1",
            "MYSQL_PWD",
            "REDIS_PW",
            "API_KEY",
            "apiKey",
            "STRIPE_APIKEY",
            "AWS_SECRET_ACCESS_KEY",
            "JWT_SECRET",
            "GITHUB_TOKEN",
            "SIGNING_KEY_OLD",
            "spring.datasource.password",
            "client-secret",
            "SSH_PRIVATE_KEY",
            "GOOGLE_CREDENTIALS",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn what_is_about_a_secret_is_none() {
        for name in [
            "",
            "_",
            "PASSWORD_FILE",
            "SECRETS_DIR",
            "TOKEN_PATH",
            "SECRET_NAME",
            "AWS_ACCESS_KEY_ID",
            "TOKEN_URL",
            "PASSWORD_MIN_LENGTH",
            "TOKEN_TTL",
            "MAX_TOKENS",
            "PRIMARY_KEY",
            "KEY",
            "SORT_KEY",
            "PUBLIC_KEY",
            "PWD",
            "OLD_PWD",
            "OLDPWD",
            "KEYCLOAK_CLIENT_ID",
            "PASSWORD_RESET_ENABLED",
            "TOKENIZER",
            "SECRET_BACKEND",
            "MONKEY",
            "COMPASSWORDS",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
