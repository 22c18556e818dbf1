//! Rules of a policy whose levels and exceptions operators set.
//!
//! A policy with several rules lists them once, with [`rules!`](crate::rules!). Its settings have a
//! field `rules` of type [`Levels`], and a field `exceptions` of type [`Exceptions`]; a [`Report`]
//! applies both to what the rules find.
//!
//! ```
//! use rollgate_sdk::Findings;
//! use rollgate_sdk::rules::{Exceptions, Levels, Problem, Report};
//! use rollgate_sdk::serde_json::json;
//!
//! rollgate_sdk::rules! {
//!     /// A container without a name that people can pronounce.
//!     NameUnpronounceable "name-unpronounceable" Warn;
//! }
//!
//! let levels: Levels<Rule> = rollgate_sdk::serde_json::from_value(json!({"name-unpronounceable": "deny"}))?;
//! let exceptions = Exceptions::default();
//! let mut findings = Findings::new();
//! let mut report = Report::new(&levels, &exceptions, &mut findings);
//! report.in_container("xqz", Rule::NameUnpronounceable, || Problem {
//!     path: "/spec/template/spec/containers/0/name".to_owned(),
//!     message: "Nobody can say this name on the phone.".to_owned(),
//!     found: "xqz".to_owned(),
//!     expected: "a word".to_owned(),
//!     hint: "Name the container after what it does.".to_owned(),
//! });
//! assert_eq!(findings.into_vec()[0].rule, "name-unpronounceable");
//! # Ok::<(), rollgate_sdk::serde_json::Error>(())
//! ```

mod exceptions;
mod levels;
mod names;
mod report;

pub use exceptions::{Exception, Exceptions};
pub use levels::{Level, Levels};
pub use report::{Problem, Report};

#[doc(hidden)]
pub use names::{read_rule, rule_schema};

/// The rules of a policy, as [`rules!`](crate::rules!) defines them.
pub trait Rules: Copy + Eq + 'static {
    /// All rules, in the order in which they are documented.
    const ALL: &'static [Self];
    /// Their names, in the same order.
    const NAMES: &'static [&'static str];
    /// What is known of each, in the same order.
    const TABLE: &'static [RuleInfo];

    /// Returns the position of this rule among all.
    fn index(self) -> usize;

    /// Returns the name of the rule in findings and settings.
    fn id(self) -> &'static str {
        Self::NAMES[self.index()]
    }
}

/// What is known of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// What the rule finds.
    pub finds: &'static str,
    /// The level where the settings name none.
    pub level: Level,
}

/// Defines the enum `Rule`: the rules of a policy, each with what it finds, its variant, its name in
/// findings and settings, and its default [`Level`](crate::rules::Level).
///
/// See [`rules`](mod@crate::rules) for an example.
#[macro_export]
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $rule:ident $id:literal $level:ident;)+) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rule {
            $($(#[doc = $doc])+ $rule,)+
        }

        impl $crate::rules::Rules for Rule {
            const ALL: &'static [Self] = &[$(Self::$rule,)+];
            const NAMES: &'static [&'static str] = &[$($id,)+];
            const TABLE: &'static [$crate::rules::RuleInfo] = &[$($crate::rules::RuleInfo {
                finds: ::core::concat!($($doc),+),
                level: $crate::rules::Level::$level,
            },)+];

            fn index(self) -> usize {
                self as usize
            }
        }

        impl<'de> $crate::serde::Deserialize<'de> for Rule {
            fn deserialize<D: $crate::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::rules::read_rule(deserializer)
            }
        }

        impl $crate::schemars::JsonSchema for Rule {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                "Rule".into()
            }

            fn json_schema(
                _: &mut $crate::schemars::SchemaGenerator,
            ) -> $crate::schemars::Schema {
                $crate::rules::rule_schema(<Self as $crate::rules::Rules>::NAMES)
            }
        }
    };
}
