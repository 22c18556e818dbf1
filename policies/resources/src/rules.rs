//! The rules, with their names and default levels.

rollgate_sdk::rules! {
    /// A container without a request of CPU or memory.
    RequestsMissing "requests-missing" Warn;
    /// A container without a memory limit.
    MemoryLimitMissing "memory-limit-missing" Warn;
    /// A memory limit with which no process starts, such as `512m`.
    MemoryLimitTooSmall "memory-limit-too-small" Deny;
    /// A limit that is many times the request.
    LimitFarAboveRequest "limit-far-above-request" Warn;
    /// A request or limit that one rollout changes by a large factor.
    ResourcesChangedMuch "resources-changed-much" Warn;
}
