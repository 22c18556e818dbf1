//! The host interface of the SDK: on Wasm the contract's imports; elsewhere the model crate and the
//! fake host of [`testing`](crate::testing). Both have the same items.

#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "wasm32")]
pub use wasm::RawRollout;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm::*;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::*;
