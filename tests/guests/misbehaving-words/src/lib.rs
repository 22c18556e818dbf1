//! A policy without the SDK: it allows the rollout with words and numbers that the contract does
//! not know.

#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "policy",
    generate_all,
});

use exports::rollgate::policy::guest::{Description, Guest, SettingsError};
use rollgate::policy::types::{Evidence, Failure, Finding, Outcome, Rollout, Timestamp, Verdict};

struct Words;

impl Guest for Words {
    fn describe() -> Description {
        Description {
            name: "words".into(),
            version: "0.0.0".into(),
            summary: "Answers in words of its own".into(),
            settings_schema: "{}".into(),
            extra: vec![],
        }
    }

    fn configure(_: String) -> Result<(), Vec<SettingsError>> {
        Ok(())
    }

    fn evaluate(_: &Rollout) -> Result<Verdict, Failure> {
        let finding = Finding {
            severity: "DENIED".into(),
            rule: "words".into(),
            path: String::new(),
            message: "This is meant to be denied".into(),
            found: None,
            expected: None,
            hint: None,
            existing: false,
            extra: vec![],
        };
        let evidence = Evidence {
            name: "clock".into(),
            value: "long after".into(),
            bound: None,
            at: Some(Timestamp {
                seconds: i64::MAX,
                nanoseconds: u32::MAX,
            }),
            extra: vec![],
        };
        Ok(Verdict {
            outcome: Outcome::Allow,
            findings: vec![finding],
            evidence: vec![evidence],
            extra: vec![],
        })
    }
}

export!(Words);
