//! The search for the next opening, where it is long or finds nothing.

use rollgate_sdk::jiff::Timestamp;

use super::{at, opening, schedule};
use crate::opening::{Obstacle, Opening, next_opening};

#[test]
fn freeze_without_end_never_opens() {
    let schedule =
        schedule(r#"{"timeZone": "UTC", "deny": [{"span": {"start": "2026-01-01T00:00"}}]}"#);
    assert_eq!(
        opening(&schedule, "2026-06-01T00:00:00Z"),
        Opening::Never(Obstacle::EndlessFreeze("from 2026-01-01T00:00 on"))
    );
}

#[test]
fn future_freeze_without_end_leaves_no_window() {
    let schedule = schedule(
        r#"{"timeZone": "UTC",
            "allow": [{"yearly": {"from": "12-01", "to": "12-31"}}],
            "deny": [{"span": {"start": "2026-11-30T00:00"}}]}"#,
    );
    assert_eq!(
        opening(&schedule, "2026-06-01T00:00:00Z"),
        Opening::Never(Obstacle::EndlessFreeze("from 2026-11-30T00:00 on"))
    );
}

#[test]
fn freezes_of_the_whole_year_never_open() {
    for freezes in [
        r#"{"yearly": {"from": "01-01", "to": "12-31"}}"#,
        r#"{"yearly": {"from": "03-01", "to": "09-30"}}, {"yearly": {"from": "10-01", "to": "02-29"}}"#,
    ] {
        let schedule = schedule(&format!(r#"{{"timeZone": "UTC", "deny": [{freezes}]}}"#));
        assert_eq!(
            opening(&schedule, "2026-06-01T00:00:00Z"),
            Opening::Never(Obstacle::FreezesFollowEachOther),
            "{freezes}"
        );
    }
}

#[test]
fn past_span_never_opens_again() {
    let schedule = schedule(
        r#"{"timeZone": "UTC", "allow": [{"span": {"start": "2026-01-01T00:00", "end": "2026-01-02T00:00"}}]}"#,
    );
    assert_eq!(
        opening(&schedule, "2026-01-02T00:00:00Z"),
        Opening::Never(Obstacle::NoWindowLeft)
    );
}

#[test]
fn windows_inside_yearly_freezes_never_open() {
    let schedule = schedule(
        r#"{"timeZone": "Europe/Berlin",
            "allow": [{"yearly": {"from": "12-24", "to": "12-26"}}],
            "deny": [{"yearly": {"from": "12-20", "to": "01-02"}}]}"#,
    );
    assert_eq!(
        opening(&schedule, "2026-06-01T00:00:00Z"),
        Opening::Never(Obstacle::WindowsFrozen)
    );
}

#[test]
fn windows_inside_daily_freezes_are_not_found_in_time() {
    let schedule = schedule(
        r#"{"timeZone": "Europe/Berlin",
            "allow": [{"weekly": {"from": "10:00", "to": "16:00"}}],
            "deny": [{"weekly": {"from": "09:00", "to": "17:00"}}]}"#,
    );
    let Opening::NotBefore(until) = opening(&schedule, "2026-06-01T00:00:00Z") else {
        panic!("no end of the search");
    };
    assert!(until > at("2028-06-01T00:00:00Z"), "{until}");
}

#[test]
fn leap_day_is_found_across_a_century_without_one() {
    let schedule = schedule(
        r#"{"timeZone": "America/New_York", "allow": [{"yearly": {"from": "02-29", "to": "02-29"}}]}"#,
    );
    let found = opening(&schedule, "2096-03-01T12:00:00-05:00");
    assert_eq!(found, Opening::At(at("2104-02-29T00:00:00-05:00")));
}

#[test]
fn leap_day_on_a_monday_by_cron_is_found_decades_ahead() {
    let schedule = schedule(
        r#"{"timeZone": "UTC",
            "allow": [{"cron": {"schedule": "0 12 29 2 +mon", "duration": "1h"}}]}"#,
    );
    let found = opening(&schedule, "2024-03-01T00:00:00Z");
    assert_eq!(found, Opening::At(at("2044-02-29T12:00:00Z")));
}

#[test]
fn first_window_after_a_long_freeze_is_found() {
    let schedule = schedule(
        r#"{"timeZone": "Europe/Berlin",
            "allow": [{"weekly": {"days": ["mon-thu"], "from": "09:00", "to": "16:00"}}],
            "deny": [{"yearly": {"from": "12-20", "to": "01-02"}},
                     {"span": {"start": "2027-01-02T12:00", "end": "2027-01-05T11:15"}}]}"#,
    );
    let found = opening(&schedule, "2026-12-21T10:00:00+01:00");
    assert_eq!(found, Opening::At(at("2027-01-05T11:15:00+01:00")));
}

#[test]
fn window_includes_its_start_and_excludes_its_end() {
    let schedule =
        schedule(r#"{"timeZone": "UTC", "allow": [{"weekly": {"from": "09:00", "to": "17:00"}}]}"#);
    let open = |now| {
        schedule
            .state(at(now))
            .expect("inside the calendar")
            .is_open()
    };
    assert!(!open("2026-06-01T08:59:59.999Z"));
    assert!(open("2026-06-01T09:00:00Z"));
    assert!(open("2026-06-01T16:59:59.999Z"));
    assert!(!open("2026-06-01T17:00:00Z"));
}

#[test]
fn ends_of_the_calendar_never_panic() {
    let schedule = schedule(
        r#"{"timeZone": "Pacific/Apia",
            "allow": [{"weekly": {"days": ["mon"], "from": "22:00", "to": "04:00"}},
                      {"cron": {"schedule": "0 0 29 2 *", "duration": "8784h"}}],
            "deny": [{"yearly": {"from": "12-31", "to": "12-31"}}]}"#,
    );
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let _ = schedule.state(now);
        let _ = next_opening(&schedule, now);
    }
}
