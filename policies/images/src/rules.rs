//! The rules, with their names and default levels.

rollgate_sdk::rules! {
    /// An image whose name may stand for another image tomorrow.
    ImageNotPinned "image-not-pinned" Warn;
    /// An image from a registry that the settings do not name. Applies only where they name some.
    RegistryNotAllowed "registry-not-allowed" Deny;
    /// An image with a mutable tag that nodes do not pull again.
    PullPolicyUnfit "pull-policy-unfit" Info;
    /// A roll-forward to an earlier version of an image.
    VersionDowngrade "version-downgrade" Warn;
    /// More changed images in one rollout than the settings allow. Applies only where they set a
    /// number.
    ManyImagesChanged "many-images-changed" Warn;
}
