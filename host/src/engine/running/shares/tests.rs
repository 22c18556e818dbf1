use futures_util::FutureExt as _;

use super::*;

#[test]
fn policy_that_keeps_its_permits_gets_a_sixth_for_one_namespace() {
    let shares = Shares::new(128, Rule::KeepReserve);
    assert_eq!(take_all(&shares, &of("slow", "a")).len(), 22);
}

#[test]
fn policy_that_keeps_its_permits_gets_a_third_for_all_namespaces() {
    let shares = Shares::new(128, Rule::KeepReserve);
    let all = take_for_many_namespaces(&shares, "slow");
    assert_eq!(all.len(), 43);
    assert!(shares.acquire(&of("sound", "a")).now_or_never().is_some());
}

#[test]
fn namespace_with_many_policies_gets_a_third() {
    let shares = Shares::new(128, Rule::KeepReserve);
    let policies = (0..200).map(|number| of(&format!("tenant/{number}"), "tenant"));
    let held: Vec<_> = policies.flat_map(|it| take_all(&shares, &it)).collect();
    assert_eq!(held.len(), 43);
    assert!(
        shares
            .acquire(&of("sound", "shop"))
            .now_or_never()
            .is_some()
    );
}

#[test]
fn other_namespaces_of_a_flooded_policy_get_permits() {
    let shares = Shares::new(16, Rule::KeepReserve);
    let _flood = take_all(&shares, &of("shared", "flooding"));
    let neighbour = take_all(&shares, &of("shared", "quiet"));
    assert!(!neighbour.is_empty());
}

#[test]
fn greedy_accounts_leave_permits_even_if_none_gives_any_back() {
    let shares = Shares::new(128, Rule::KeepReserve);
    let greedy: Vec<_> = (0..7)
        .map(|number| take_for_many_namespaces(&shares, &format!("greedy-{number}")))
        .collect();
    assert!(greedy.iter().all(|held| !held.is_empty()));
    assert_eq!(shares.lock().free, 6);
}

#[test]
fn greedy_accounts_come_to_equal_shares() {
    let shares = Shares::new(100, Rule::KeepReserve);
    let policies = ["a", "b", "c"];
    let mut held: Vec<_> = policies
        .iter()
        .map(|policy| take_for_many_namespaces(&shares, policy))
        .collect();
    for _ in 0..100 {
        for (policy, held) in policies.iter().zip(&mut held) {
            held.pop();
            held.extend(take_for_many_namespaces(&shares, policy));
        }
    }
    let counts: Vec<_> = held.iter().map(Vec::len).collect();
    assert!(
        counts.iter().all(|count| (19..=21).contains(count)),
        "{counts:?}"
    );
    assert!(shares.lock().free >= 37, "{}", shares.lock().free);
}

#[test]
fn single_permit_can_be_taken() {
    for permits in 1..=3 {
        let shares = Shares::new(permits, Rule::KeepReserve);
        let held = take_all(&shares, &of("first", "a"));
        assert_eq!(held.len(), 1, "of {permits}");
    }
}

#[test]
fn account_leaves_the_last_turn_to_others() {
    let turns = Shares::new(4, Rule::LeaveOne);
    let _held = take_all(&turns, &of("greedy", "a"));
    assert_eq!(turns.lock().free, 1);
    assert!(turns.try_acquire(&of("greedy", "b")).is_none());
    assert!(turns.try_acquire(&of("sound", "b")).is_some());
}

#[test]
fn account_that_used_a_lot_does_not_get_the_last_turn() {
    let turns = Shares::new(2, Rule::LeaveOne);
    let _other = turns.try_acquire(&of("other", "a"));
    let (greedy, sound) = (of("greedy", "b"), of("sound", "c"));
    for claimant in [&greedy, &sound] {
        assert!(turns.try_acquire(claimant).is_some());
    }
    charge(&turns, &greedy, Duration::from_secs(1));
    charge(&turns, &sound, Duration::from_micros(20));
    assert!(turns.try_acquire(&greedy).is_none());
    assert!(turns.try_acquire(&sound).is_some());
}

#[test]
fn flood_of_short_evaluations_counts_as_one_long() {
    let turns = Shares::new(2, Rule::LeaveOne);
    let flood = of("greedy", "a");
    for _ in 0..200 {
        charge(&turns, &flood, Duration::from_micros(20));
    }
    let _other = turns.try_acquire(&of("other", "b"));
    assert!(turns.try_acquire(&flood).is_none());
}

#[test]
fn time_used_by_a_policy_counts_for_the_namespace_it_was_used_for() {
    let turns = Shares::new(2, Rule::LeaveOne);
    charge(&turns, &of("loop", "tenant"), Duration::from_secs(1));
    let _other = turns.try_acquire(&of("other", "b"));
    assert!(turns.try_acquire(&of("sound", "tenant")).is_none());
    assert!(turns.try_acquire(&of("sound", "shop")).is_some());
}

#[test]
fn claimant_with_the_fewest_permits_goes_first() {
    let turns = Shares::new(4, Rule::LeaveOne);
    let (greedy, modest) = (of("greedy", "a"), of("modest", "b"));
    charge(&turns, &modest, Duration::from_secs(1));
    let mut held = take_all(&turns, &greedy);
    let _last = turns.try_acquire(&of("last", "c"));
    let mut first = Box::pin(turns.acquire(&greedy));
    let mut second = Box::pin(turns.acquire(&modest));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    held.truncate(1);
    let served = second.as_mut().now_or_never();
    assert!(served.is_some());
    assert!(first.as_mut().now_or_never().is_none());
}

#[test]
fn claimant_that_used_the_least_time_goes_first() {
    let turns = Shares::new(1, Rule::LeaveOne);
    let (greedy, modest) = (of("greedy", "a"), of("modest", "b"));
    charge(&turns, &greedy, Duration::from_millis(2));
    charge(&turns, &modest, Duration::from_millis(1));
    let held = take_all(&turns, &of("c", "c"));
    let mut first = Box::pin(turns.acquire(&greedy));
    let mut second = Box::pin(turns.acquire(&modest));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    drop(held);
    assert!(second.as_mut().now_or_never().is_some());
}

#[test]
fn claimants_with_equally_many_take_turns() {
    let shares = Shares::new(1, Rule::LeaveOne);
    let (many, one) = (of("many", "a"), of("one", "b"));
    let mut running = take_all(&shares, &many).pop();
    let mut of_many: Vec<_> = (0..4).map(|_| Box::pin(shares.acquire(&many))).collect();
    for waiting in &mut of_many {
        assert!(waiting.as_mut().now_or_never().is_none());
    }
    // The one that waits alone came last, and its second turn comes before the others' third.
    for _ in 0..2 {
        let mut alone = Box::pin(shares.acquire(&one));
        assert!(alone.as_mut().now_or_never().is_none());
        drop(running.take());
        let turn = alone.as_mut().now_or_never();
        drop(turn.expect("it is its turn"));
        let mut next = of_many.remove(0);
        running = next.as_mut().now_or_never();
        assert!(running.is_some());
    }
}

#[test]
fn permit_of_one_who_stopped_waiting_goes_to_the_next() {
    let shares = Shares::new(1, Rule::KeepReserve);
    let (first, second) = (of("a", "a"), of("b", "b"));
    let held = take_all(&shares, &of("c", "c"));
    let mut gone = Box::pin(shares.acquire(&first));
    let mut patient = Box::pin(shares.acquire(&second));
    assert!(gone.as_mut().now_or_never().is_none());
    assert!(patient.as_mut().now_or_never().is_none());
    drop(held);
    // It has the permit already, and never looks.
    drop(gone);
    assert!(patient.as_mut().now_or_never().is_some());
}

#[test]
fn nothing_is_kept_of_those_who_have_left() {
    let shares = Shares::new(2, Rule::KeepReserve);
    let held = take_for_many_namespaces(&shares, "slow");
    let claimant = of("late", "z");
    let mut late = Box::pin(shares.acquire(&claimant));
    let _ = late.as_mut().now_or_never();
    drop((held, late));
    let state = shares.lock();
    assert_eq!((state.free, state.waiting), (2, 0));
    assert!(state.pairs.is_empty() && state.accounts.len() == 0);
}

#[test]
fn reason_for_waiting_tells_a_used_share_from_a_full_pool() {
    let shares = Shares::new(4, Rule::KeepReserve);
    let (slow, other) = (of("slow", "a"), of("other", "b"));
    let _held = take_all(&shares, &slow);
    assert_eq!(shares.busy(&slow), Some(Busy::ShareInUse));
    assert_eq!(shares.busy(&other), None);
    let full = Shares::new(1, Rule::KeepReserve);
    let _held = take_all(&full, &slow);
    assert_eq!(full.busy(&other), Some(Busy::NoneFree));
}

#[test]
fn time_that_was_used_is_forgotten() {
    let mut accounts = Accounts::default();
    let (account, now) = (Account::Namespace("a".into()), Instant::now());
    accounts.take(&account);
    accounts.give_back(&account, Duration::from_secs(9), now);
    assert!(!accounts.is_modest(&account, now));
    assert!(accounts.is_modest(&account, now + Duration::from_secs(1)));
}

#[test]
fn accounts_that_used_little_are_not_kept() {
    let turns = Shares::new(2, Rule::LeaveOne);
    for number in 0..10_000 {
        let namespace = number.to_string();
        charge(&turns, &of(&namespace, &namespace), Duration::from_nanos(1));
    }
    let kept = turns.lock().accounts.len();
    assert!(kept < 1_000, "{kept}");
}

fn of(policy: &str, namespace: &str) -> Claimant {
    let policy: Arc<str> = policy.into();
    Claimant::new(&policy, &Account::owner_of(&policy), &namespace.into())
}

/// Takes a permit, and gives it back after so much time was used.
fn charge(shares: &Arc<Shares>, claimant: &Claimant, used: Duration) {
    let mut permit = shares.try_acquire(claimant).expect("one is free");
    permit.charge(used);
}

/// Takes permits until the next one would have to wait.
fn take_all(shares: &Arc<Shares>, claimant: &Claimant) -> Vec<Permit> {
    std::iter::from_fn(|| shares.acquire(claimant).now_or_never()).collect()
}

fn take_for_many_namespaces(shares: &Arc<Shares>, policy: &str) -> Vec<Permit> {
    let namespaces = (0..200).map(|number| of(policy, &format!("n{number}")));
    namespaces
        .flat_map(|claimant| take_all(shares, &claimant))
        .collect()
}
