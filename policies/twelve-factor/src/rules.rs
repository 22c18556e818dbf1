//! The rules, with their names and default levels.

rollgate_sdk::rules! {
    /// A variable with a secret written out in the manifest.
    SecretInEnv "secret-in-env" Warn;
    /// Configuration written out in the manifest instead of a ConfigMap or a Secret.
    ConfigInManifest "config-in-manifest" Ignore;
    /// A folder of the node that a container may write to.
    HostPathWritable "host-path-writable" Warn;
    /// A port of the node that each Pod takes for itself.
    HostPortFixed "host-port-fixed" Warn;
}
