//! The rules, with their names and default levels.

rollgate_sdk::rules! {
    /// One rollout that changes more things than the settings allow together.
    SeveralThingsChanged "several-things-changed" Warn;
}
