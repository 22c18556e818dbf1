//! Shares a fixed number of permits fairly between policies and namespaces, so that none of them can
//! keep the permits from the others.
//!
//! A permit counts for the namespace of the reviewed object, and for the owner of the policy: the
//! policy's namespace, or the policy itself if it has none. Within these it counts for the pair of
//! policy and namespace.

mod account;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use account::Pair;
pub(crate) use account::{Account, Claimant};
use usage::Accounts;

/// Permits, and who holds them and waits for them.
pub(crate) struct Shares {
    rule: Rule,
    state: Mutex<State>,
}

/// How many of the permits one account may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// At most half as many as are still free; and a pair of policy and namespace, no more than half of
    /// what its accounts could hold. So one account alone gets a third of all permits, `n` greedy ones get
    /// `1/(n+2)` each, and twice as many stay free for others. For permits that are kept for long.
    KeepReserve,
    /// All but one. The last one is for those who hold none and have used little time lately. For permits
    /// that are given back soon.
    LeaveOne,
}

/// A permit; it is given back when it is dropped.
pub(crate) struct Permit {
    shares: Arc<Shares>,
    /// `None` once it is given back.
    claimant: Option<Claimant>,
    /// The time to charge.
    used: Duration,
}

/// Why a claimant would have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// No permit is free.
    NoneFree,
    /// Permits are free, but not for this claimant: others of the same account hold its share.
    ShareInUse,
}

struct State {
    free: usize,
    accounts: Accounts,
    pairs: HashMap<Pair, Share>,
    /// How many wait, in all pairs.
    waiting: usize,
    /// Counts requests and grants, to order them.
    count: u64,
}

/// The permits of one pair.
struct Share {
    claimant: Claimant,
    held: usize,
    /// When it last got a permit.
    served: u64,
    /// By the order in which they came.
    waiting: BTreeMap<u64, oneshot::Sender<Permit>>,
}

impl Shares {
    pub(crate) fn new(permits: usize, rule: Rule) -> Arc<Self> {
        Arc::new(Self {
            rule,
            state: Mutex::new(State {
                free: permits,
                accounts: Accounts::default(),
                pairs: HashMap::new(),
                waiting: 0,
                count: 0,
            }),
        })
    }

    /// Waits for a permit. The claimant with the fewest permits goes first; among equals, the one that
    /// was charged least lately; then the one that has waited longest since it got one.
    pub(crate) async fn acquire(self: &Arc<Self>, claimant: &Claimant) -> Permit {
        let waiting = {
            let mut state = self.lock();
            if let Some(permit) = self.try_take(&mut state, claimant) {
                return permit;
            }
            let (sender, receiver) = oneshot::channel();
            let number = state.enqueue(claimant, sender);
            let place = Place {
                shares: self,
                claimant,
                number,
            };
            (place, receiver)
        };
        let (_place, receiver) = waiting;
        match receiver.await {
            Ok(permit) => permit,
            Err(_) => {
                unreachable!("only the place in the queue removes a sender that was not used")
            }
        }
    }

    /// Takes a permit if the claimant need not wait for it.
    pub(crate) fn try_acquire(self: &Arc<Self>, claimant: &Claimant) -> Option<Permit> {
        self.try_take(&mut self.lock(), claimant)
    }

    /// Returns why this claimant would have to wait, if it would.
    pub(crate) fn busy(&self, claimant: &Claimant) -> Option<Busy> {
        self.lock().check(self.rule, claimant, Instant::now()).err()
    }

    fn try_take(self: &Arc<Self>, state: &mut State, claimant: &Claimant) -> Option<Permit> {
        // Those who wait now may not take a permit, or they would have it: nobody is overtaken.
        state.check(self.rule, claimant, Instant::now()).ok()?;
        state.take(claimant);
        Some(self.permit(claimant.clone()))
    }

    fn permit(self: &Arc<Self>, claimant: Claimant) -> Permit {
        Permit {
            shares: Arc::clone(self),
            claimant: Some(claimant),
            used: Duration::ZERO,
        }
    }

    /// Gives free permits to those who wait and may have them.
    fn dispatch(self: &Arc<Self>, state: &mut State) {
        while let Some((claimant, sender)) = state.next(self.rule, Instant::now()) {
            state.take(&claimant);
            // Whoever has stopped waiting is about to leave the queue.
            if let Err(mut refused) = sender.send(self.permit(claimant)) {
                // Its `Drop` would lock the state again.
                let claimant = refused.claimant.take().expect("it was just made");
                state.give_back(&claimant, Duration::ZERO);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whether a claimant may take a permit now.
    fn check(&self, rule: Rule, claimant: &Claimant, now: Instant) -> Result<(), Busy> {
        if self.free == 0 {
            return Err(Busy::NoneFree);
        }
        let may_take = match rule {
            Rule::KeepReserve => {
                let pair = self.pairs.get(&claimant.pair);
                let held_by_pair = pair.map_or(0, |share| share.held);
                claimant.accounts().all(|account| {
                    // Each further permit takes one from what is free, and allows two fewer.
                    let room = self.free.saturating_sub(2 * self.accounts.held_by(account));
                    held_by_pair < room.div_ceil(3)
                })
            }
            Rule::LeaveOne => {
                let is_modest = |account| self.accounts.is_modest(account, now);
                self.free > 1 || claimant.accounts().all(is_modest)
            }
        };
        if may_take {
            Ok(())
        } else {
            Err(Busy::ShareInUse)
        }
    }

    fn take(&mut self, claimant: &Claimant) {
        self.free -= 1;
        self.count += 1;
        for account in claimant.accounts() {
            self.accounts.take(account);
        }
        let served = self.count;
        let share = self.share(claimant);
        share.held += 1;
        share.served = served;
    }

    fn give_back(&mut self, claimant: &Claimant, used: Duration) {
        self.free += 1;
        let now = Instant::now();
        for account in claimant.accounts() {
            self.accounts.give_back(account, used, now);
        }
        self.share(claimant).held -= 1;
        self.forget_if_unused(claimant);
    }

    fn enqueue(&mut self, claimant: &Claimant, sender: oneshot::Sender<Permit>) -> u64 {
        self.waiting += 1;
        self.count += 1;
        let number = self.count;
        self.share(claimant).waiting.insert(number, sender);
        number
    }

    /// Takes the next one out of the queue that may have a permit.
    fn next(&mut self, rule: Rule, now: Instant) -> Option<(Claimant, oneshot::Sender<Permit>)> {
        if self.waiting == 0 || self.free == 0 {
            return None;
        }
        let may_go = self.pairs.values().filter_map(|share| {
            let (number, _) = share.waiting.first_key_value()?;
            self.check(rule, &share.claimant, now).ok()?;
            let accounts = || share.claimant.accounts();
            let held = accounts().map(|it| self.accounts.held_by(it)).max();
            let charged = accounts().map(|it| self.accounts.charged(it, now)).max();
            let order = (held, share.held, charged, share.served, *number);
            Some((order, &share.claimant))
        });
        let (_, claimant) = may_go.min_by_key(|(order, _)| *order)?;
        let claimant = claimant.clone();
        let (_, sender) = self.share(&claimant).waiting.pop_first()?;
        self.waiting -= 1;
        Some((claimant, sender))
    }

    /// Takes one out of the queue that no longer waits.
    fn leave(&mut self, claimant: &Claimant, number: u64) {
        if self.share(claimant).waiting.remove(&number).is_some() {
            self.waiting -= 1;
        }
        self.forget_if_unused(claimant);
    }

    fn share(&mut self, claimant: &Claimant) -> &mut Share {
        let pair = self.pairs.entry(claimant.pair.clone());
        pair.or_insert_with(|| Share {
            claimant: claimant.clone(),
            held: 0,
            served: 0,
            waiting: BTreeMap::new(),
        })
    }

    fn forget_if_unused(&mut self, claimant: &Claimant) {
        let unused = |share: &Share| share.held == 0 && share.waiting.is_empty();
        if self.pairs.get(&claimant.pair).is_some_and(unused) {
            self.pairs.remove(&claimant.pair);
        }
    }
}

impl Permit {
    /// Charges the accounts for time that they used, once the permit is given back.
    pub(crate) fn charge(&mut self, used: Duration) {
        self.used += used;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(claimant) = self.claimant.take() {
            let mut state = self.shares.lock();
            state.give_back(&claimant, self.used);
            self.shares.dispatch(&mut state);
        }
    }
}

/// A place in the queue; it is left when this is dropped.
struct Place<'a> {
    shares: &'a Shares,
    claimant: &'a Claimant,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shares.lock().leave(self.claimant, self.number);
    }
}
