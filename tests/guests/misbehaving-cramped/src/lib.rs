//! A policy whose memory is full after `configure`, so that no snapshot of it can be taken.

use rollgate_sdk::{Failure, NoSettings, Policy, Rollout, SettingsError, Verdict};

/// Allocates all of its memory.
pub struct Cramped(Vec<Vec<u8>>);

rollgate_sdk::export!(Cramped);

const PAGE: usize = 64 << 10;

impl Policy for Cramped {
    type Settings = NoSettings;

    fn new(_: NoSettings) -> Result<Self, SettingsError> {
        let mut pages = Vec::with_capacity(64);
        let mut page = Vec::new();
        while page.try_reserve_exact(PAGE).is_ok() {
            page.resize(PAGE, 1);
            pages.push(std::mem::take(&mut page));
        }
        // Leaves enough for the result.
        pages.pop();
        Ok(Self(pages))
    }

    fn evaluate(&self, _: &Rollout) -> Result<Verdict, Failure> {
        match self.0.iter().flatten().all(|&byte| byte == 1) {
            true => Ok(Verdict::allow()),
            false => Err(Failure::internal("the memory is not what it was")),
        }
    }
}
