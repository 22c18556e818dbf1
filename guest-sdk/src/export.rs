//! The `export!` macro and the functions that it calls.

/// Makes a [`Policy`](crate::Policy) or [`WorkloadCheck`](crate::WorkloadCheck) the policy of this
/// crate's Wasm module.
///
/// The module's name, version and summary are the crate's `name`, `version` and `description`
/// (`Cargo.toml`); `name = "…"` gives another name. Off Wasm it compiles to nothing, and only
/// checks that the type is a policy.
///
/// ```
/// # use rollgate_sdk::{Findings, NoSettings, SettingsError, Workload, WorkloadCheck};
/// # struct Replicas;
/// # impl WorkloadCheck for Replicas {
/// #     type Settings = NoSettings;
/// #     fn new(_: NoSettings) -> Result<Self, SettingsError> { Ok(Self) }
/// #     fn check(&self, _: &Workload, _: &mut Findings) {}
/// # }
/// rollgate_sdk::export!(Replicas, name = "replicas");
/// ```
#[macro_export]
macro_rules! export {
    ($policy:ty $(,)?) => {
        $crate::export!($policy, name = ::core::env!("CARGO_PKG_NAME"));
    };
    ($policy:ty, name = $name:expr $(,)?) => {
        const _: () = {
            const fn is_a_policy<P: $crate::Policy>() {}
            is_a_policy::<$policy>();
        };

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private as sdk;

            ::std::thread_local! {
                static POLICY: sdk::Slot<$policy> = const { sdk::Slot::new() };
            }

            struct Component;

            impl sdk::Guest for Component {
                fn describe() -> sdk::Description {
                    sdk::describe::<$policy>(
                        $name,
                        ::core::env!("CARGO_PKG_VERSION"),
                        ::core::env!("CARGO_PKG_DESCRIPTION"),
                    )
                }

                fn configure(settings: ::std::string::String) -> sdk::Configured {
                    POLICY.with(|slot| sdk::configure(slot, &settings))
                }

                fn evaluate(rollout: &sdk::RawRollout) -> sdk::Evaluated {
                    POLICY.with(|slot| sdk::evaluate(slot, rollout))
                }
            }

    sdk::bindings::export_guest!(Component with_types_in $crate::__private::bindings);
        };
    };
}

/// Called by the expansion of `export!`. Not part of the SDK's interface.
#[cfg(not(target_arch = "wasm32"))]
pub mod private {}

/// Called by the expansion of `export!`. Not part of the SDK's interface.
#[cfg(target_arch = "wasm32")]
pub mod private {
    use std::mem::ManuallyDrop;

    use crate::bindings::exports::rollgate::policy::guest;
    use crate::{Policy, Rollout, settings, sys};

    pub use crate::bindings;
    pub use crate::sys::RawRollout;
    pub use guest::{Description, Guest};

    /// The configured policy. A Wasm guest has one thread, so this is a plain static, and part of
    /// the snapshot.
    pub type Slot<P> = std::cell::OnceCell<P>;
    /// The result of `configure`.
    pub type Configured = Result<(), Vec<guest::SettingsError>>;
    /// The result of `evaluate`.
    pub type Evaluated = Result<guest::Verdict, guest::Failure>;

    /// Describes `P`.
    pub fn describe<P: Policy>(name: &str, version: &str, summary: &str) -> Description {
        report_panics();
        let schema = schemars::schema_for!(P::Settings);
        Description {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            settings_schema: schema.as_value().to_string(),
            extra: vec![(
                "sdk".to_owned(),
                concat!("rollgate-sdk ", env!("CARGO_PKG_VERSION")).to_owned(),
            )],
        }
    }

    /// Builds the policy from its settings and stores it.
    pub fn configure<P: Policy>(slot: &Slot<P>, json: &str) -> Configured {
        report_panics();
        let policy = settings::parse(json).and_then(P::new).map_err(|error| {
            let problem = |(path, message)| guest::SettingsError { path, message };
            error
                .into_problems()
                .into_iter()
                .map(problem)
                .collect::<Vec<_>>()
        })?;
        slot.set(policy).map_err(|_| {
            let message = "configure was called twice".to_owned();
            vec![guest::SettingsError {
                path: String::new(),
                message,
            }]
        })
    }

    /// Evaluates the stored policy.
    pub fn evaluate<P: Policy>(slot: &Slot<P>, rollout: &RawRollout) -> Evaluated {
        let Some(policy) = slot.get() else {
            return Err(sys::failure_to_wit(crate::Failure::internal(
                "evaluate was called before configure",
            )));
        };
        // The sandbox ends with the evaluation, so freeing the rollout would be wasted work.
        let rollout = ManuallyDrop::new(Rollout::from_raw(rollout));
        policy
            .evaluate(&rollout)
            .map(sys::verdict_to_wit)
            .map_err(sys::failure_to_wit)
    }

    /// Reports the message of a panic to the host. The hook is set while describing and configuring
    /// and is part of the snapshot, so it costs an evaluation nothing.
    fn report_panics() {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic
                .payload_as_str()
                .unwrap_or("a panic without a message");
            let text = match panic.location() {
                Some(at) => format!("{message} ({}:{})", at.file(), at.line()),
                None => message.to_owned(),
            };
            sys::panicked(&text);
        }));
    }
}
