//! A policy without the SDK: it returns one string a million times, which costs the guest eight
//! bytes each, and would cost the host all of the string.

#![cfg(target_arch = "wasm32")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "policy",
    generate_all,
});

use exports::rollgate::policy::guest::{Description, Guest, SettingsError};
use rollgate::policy::types::{Evidence, Failure, Outcome, Rollout, Verdict};

struct Aliasing;

impl Guest for Aliasing {
    fn describe() -> Description {
        Description {
            name: "aliasing".into(),
            version: "0.0.0".into(),
            summary: "Hands over one string a million times".into(),
            settings_schema: "{}".into(),
            extra: vec![],
        }
    }

    fn configure(_: String) -> Result<(), Vec<SettingsError>> {
        Ok(())
    }

    fn evaluate(_: &Rollout) -> Result<Verdict, Failure> {
        // The pairs are never dropped: lowering leaves a list's memory as it is, and the guest ends
        // after the result.
        let text = Box::leak("x".repeat(1_024).into_boxed_str());
        let alias =
            || unsafe { String::from_raw_parts(text.as_ptr().cast_mut(), text.len(), text.len()) };
        let extra = (0..300_000).map(|_| (alias(), alias())).collect();
        let evidence = Evidence {
            name: "many".into(),
            value: "one".into(),
            bound: None,
            at: None,
            extra,
        };
        Ok(Verdict {
            outcome: Outcome::Allow,
            findings: vec![],
            evidence: vec![evidence],
            extra: vec![],
        })
    }
}

export!(Aliasing);
