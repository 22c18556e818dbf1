//! What each account holds, and how much time it has used lately.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::Account;

/// An account that uses at most this part of a processor is modest.
const MODEST_PART: u32 = 8;
/// And one that used no more than this in one go.
const MODEST_BURST: Duration = Duration::from_millis(2);
/// No more is remembered of one that has used a lot: it is modest again after this, [`MODEST_PART`] times.
const MOST_CHARGED: Duration = Duration::from_millis(100);

/// The accounts that hold something or were charged lately.
#[derive(Default)]
pub(super) struct Accounts {
    usage: HashMap<Account, Usage>,
    /// How many there may be before those that are no longer needed are removed.
    sweep_at: usize,
}

struct Usage {
    held: usize,
    charged: Duration,
    /// When that was.
    at: Instant,
}

impl Usage {
    /// Returns what was charged, less what anybody may use since.
    fn charged(&self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.at);
        self.charged.saturating_sub(since / MODEST_PART)
    }
}

impl Accounts {
    pub(super) fn held_by(&self, account: &Account) -> usize {
        self.usage.get(account).map_or(0, |usage| usage.held)
    }

    pub(super) fn charged(&self, account: &Account, now: Instant) -> Duration {
        let usage = self.usage.get(account);
        usage.map_or(Duration::ZERO, |usage| usage.charged(now))
    }

    /// Whether an account holds nothing and has used little time lately.
    pub(super) fn is_modest(&self, account: &Account, now: Instant) -> bool {
        let usage = self.usage.get(account);
        usage.is_none_or(|usage| usage.held == 0 && usage.charged(now) <= MODEST_BURST)
    }

    pub(super) fn take(&mut self, account: &Account) {
        if let Some(usage) = self.usage.get_mut(account) {
            usage.held += 1;
            return;
        }
        let now = Instant::now();
        self.sweep(now);
        let usage = Usage {
            held: 1,
            charged: Duration::ZERO,
            at: now,
        };
        self.usage.insert(account.clone(), usage);
    }

    pub(super) fn give_back(&mut self, account: &Account, used: Duration, now: Instant) {
        let Some(usage) = self.usage.get_mut(account) else {
            return;
        };
        usage.held -= 1;
        usage.charged = (usage.charged(now) + used).min(MOST_CHARGED);
        usage.at = now;
        if usage.held == 0 && usage.charged.is_zero() {
            self.usage.remove(account);
        }
    }

    /// Removes the accounts that are no longer needed, each time that there are twice as many as were.
    fn sweep(&mut self, now: Instant) {
        const FEWEST: usize = 64;
        if self.usage.len() < self.sweep_at.max(FEWEST) {
            return;
        }
        let is_needed = |usage: &Usage| usage.held > 0 || !usage.charged(now).is_zero();
        self.usage.retain(|_, usage| is_needed(usage));
        self.sweep_at = 2 * self.usage.len();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.usage.len()
    }
}
