//! Shares a fixed number of permits fairly between policies and namespaces, so that none of them can
//! keep the permits from the others.
//!
//! A permit counts for the namespace of the reviewed object, and for the owner of the policy: the
//! policy's namespace, or the policy itself if it has none. Within these it counts for the pair of
//! policy and namespace.

mod account;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use account::Pair;
pub(crate) use account::{Account, Claimant};

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
    /// Any number. For permits that are given back soon.
    UseAll,
}

/// A permit; it is given back when it is dropped.
pub(crate) struct Permit {
    shares: Arc<Shares>,
    /// `None` once it is given back.
    claimant: Option<Claimant>,
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
    held: HashMap<Account, usize>,
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
                held: HashMap::new(),
                pairs: HashMap::new(),
                waiting: 0,
                count: 0,
            }),
        })
    }

    /// Waits for a permit. The claimant with the fewest permits goes first; among equals, the one that
    /// has waited longest since it got one.
    pub(crate) async fn acquire(self: &Arc<Self>, claimant: &Claimant) -> Permit {
        let waiting = {
            let mut state = self.lock();
            // Those who wait now may not take a permit, or they would have it: nobody is overtaken.
            if state.check(self.rule, claimant).is_ok() {
                state.take(claimant);
                return self.permit(claimant.clone());
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

    /// Returns why this claimant would have to wait, if it would.
    pub(crate) fn busy(&self, claimant: &Claimant) -> Option<Busy> {
        self.lock().check(self.rule, claimant).err()
    }

    fn permit(self: &Arc<Self>, claimant: Claimant) -> Permit {
        Permit {
            shares: Arc::clone(self),
            claimant: Some(claimant),
        }
    }

    /// Gives free permits to those who wait and may have them.
    fn dispatch(self: &Arc<Self>, state: &mut State) {
        while let Some((claimant, sender)) = state.next(self.rule) {
            state.take(&claimant);
            // Whoever has stopped waiting is about to leave the queue.
            if let Err(mut refused) = sender.send(self.permit(claimant)) {
                // Its `Drop` would lock the state again.
                let claimant = refused.claimant.take().expect("it was just made");
                state.give_back(&claimant);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whether a claimant may take a permit now.
    fn check(&self, rule: Rule, claimant: &Claimant) -> Result<(), Busy> {
        if self.free == 0 {
            return Err(Busy::NoneFree);
        }
        if rule == Rule::UseAll {
            return Ok(());
        }
        let pair = self.pairs.get(&claimant.pair);
        let held_by_pair = pair.map_or(0, |share| share.held);
        let has_room = claimant.accounts().all(|account| {
            // Each further permit takes one from what is free, and allows two fewer.
            let room = self.free.saturating_sub(2 * self.held_by(account));
            held_by_pair < room.div_ceil(3)
        });
        if has_room {
            Ok(())
        } else {
            Err(Busy::ShareInUse)
        }
    }

    fn held_by(&self, account: &Account) -> usize {
        self.held.get(account).copied().unwrap_or(0)
    }

    fn take(&mut self, claimant: &Claimant) {
        self.free -= 1;
        self.count += 1;
        for account in claimant.accounts() {
            match self.held.get_mut(account) {
                Some(held) => *held += 1,
                None => _ = self.held.insert(account.clone(), 1),
            }
        }
        let served = self.count;
        let share = self.share(claimant);
        share.held += 1;
        share.served = served;
    }

    fn give_back(&mut self, claimant: &Claimant) {
        self.free += 1;
        for account in claimant.accounts() {
            if let Some(held) = self.held.get_mut(account) {
                *held -= 1;
                if *held == 0 {
                    self.held.remove(account);
                }
            }
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
    fn next(&mut self, rule: Rule) -> Option<(Claimant, oneshot::Sender<Permit>)> {
        if self.waiting == 0 || self.free == 0 {
            return None;
        }
        let may_go = self.pairs.values().filter_map(|share| {
            let (number, _) = share.waiting.first_key_value()?;
            self.check(rule, &share.claimant).ok()?;
            let held = share.claimant.accounts().map(|it| self.held_by(it)).max();
            let order = (held, share.held, share.served, *number);
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
    /// Returns what it is a permit of.
    pub(crate) fn shares(&self) -> &Arc<Shares> {
        &self.shares
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(claimant) = self.claimant.take() {
            let mut state = self.shares.lock();
            state.give_back(&claimant);
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
