//! Valid and invalid settings.

use rollgate_policy_images::Images;
use rollgate_sdk::serde_json::json;
use rollgate_sdk::testing::{assert_refused, configure};

#[test]
fn empty_settings_are_valid() {
    assert!(configure::<Images>(json!({})).is_ok());
}

#[test]
fn registries_of_every_form_are_valid() {
    assert!(
        configure::<Images>(
            json!({"registries": ["docker.io/library/", "localhost:5000", "*.example.com/shop"]})
        )
        .is_ok()
    );
}

#[test]
fn registry_as_a_url_is_refused() {
    assert_refused::<Images>(
        json!({"registries": ["https://registry.example.com"]}),
        "/registries/0",
        "without `https://`",
    );
}

#[test]
fn registry_without_a_host_is_refused() {
    assert_refused::<Images>(
        json!({"registries": ["library"]}),
        "/registries/0",
        "docker.io/library",
    );
}

#[test]
fn pattern_for_every_registry_is_refused() {
    assert_refused::<Images>(
        json!({"registries": ["a.io", "*"]}),
        "/registries/1",
        "allows every registry",
    );
}

#[test]
fn empty_part_of_a_registry_is_refused() {
    assert_refused::<Images>(
        json!({"registries": ["a.io//b"]}),
        "/registries/0",
        "is no registry",
    );
}

#[test]
fn tag_with_a_colon_is_refused() {
    assert_refused::<Images>(
        json!({"mutableTags": ["main", ":latest"]}),
        "/mutableTags/1",
        "is no tag",
    );
}

#[test]
fn unknown_way_to_pin_is_refused() {
    assert_refused::<Images>(json!({"pinnedBy": "sha"}), "/pinnedBy", "`tag`, `digest`");
}
