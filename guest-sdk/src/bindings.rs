//! Rust bindings of the contract, generated from `wit/`. Wasm only.
#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "../wit",
    world: "policy",
    additional_derives: [Clone, PartialEq],
    pub_export_macro: true,
    export_macro_name: "export_guest",
});
