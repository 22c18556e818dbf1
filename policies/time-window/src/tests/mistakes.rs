//! Invalid settings: the pointer and the message of each mistake.

use rollgate_sdk::serde_json;

use crate::schedule::Schedule;

fn refused(settings: &str) -> String {
    let settings = serde_json::from_str(settings).expect("settings of the right shape");
    Schedule::parse(settings)
        .expect_err("a mistake")
        .to_string()
}

fn refused_window(window: &str) -> String {
    refused(&format!(
        r#"{{"timeZone": "Europe/Berlin", "allow": [{window}]}}"#
    ))
}

#[test]
fn unknown_zone_is_refused() {
    insta::assert_snapshot!(refused(r#"{"timeZone": "Europe/Berln"}"#), @r#"/timeZone: there is no time zone "Europe/Berln": use an IANA name such as Europe/Berlin, or UTC"#);
}

#[test]
fn every_mistake_is_reported_with_its_pointer() {
    insta::assert_snapshot!(refused(r#"{
        "timeZone": "Europe/Berlin",
        "allow": [
            {"weekly": {"days": ["mon-fry", "tue", "someday"], "from": "9:00", "to": "25:00"}},
            {"cron": {"schedule": "0 22 * *", "duration": "a while"}}
        ],
        "deny": [
            {"yearly": {"from": "12-32", "to": "Jan 2"}},
            {"span": {"start": "tomorrow", "end": "2026-12-24"}}
        ]
    }"#), @r#"
    /allow/0/weekly/days/0: `mon-fry` is no day; write mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri
    /allow/0/weekly/days/2: `someday` is no day; write mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri
    /allow/0/weekly/from: `9:00` is no time of day; write HH:MM from 00:00 to 24:00, such as 09:30
    /allow/0/weekly/to: `25:00` is no time of day; write HH:MM from 00:00 to 24:00, such as 09:30
    /allow/1/cron/schedule: `0 22 * *` is no cron expression of five fields (minute, hour, day, month, weekday): Invalid pattern: Pattern must have 5 fields when seconds are disallowed.
    /allow/1/cron/duration: `a while` is no duration; write 8h, 1h 30m or 45m
    /deny/0/yearly/from: `12-32` is no day of the year; write MM-DD, such as 12-20
    /deny/0/yearly/to: `Jan 2` is no day of the year; write MM-DD, such as 12-20
    /deny/1/span/start: `tomorrow` is no time; write 2026-12-24T18:00 (local) or 2026-12-24T18:00:00+01:00
    /deny/1/span/end: `2026-12-24` is no time; write 2026-12-24T18:00 (local) or 2026-12-24T18:00:00+01:00
    "#);
}

#[test]
fn window_of_no_kind_is_refused() {
    insta::assert_snapshot!(refused_window(r#"{"reason": "why not"}"#), @"/allow/0: takes exactly one of `weekly`, `cron`, `span` and `yearly`");
}

#[test]
fn window_of_two_kinds_is_refused() {
    insta::assert_snapshot!(refused_window(
        r#"{"yearly": {"from": "12-20", "to": "01-02"}, "weekly": {"from": "09:00", "to": "17:00"}}"#
    ), @"/allow/0: takes exactly one of `weekly`, `cron`, `span` and `yearly`");
}

#[test]
fn empty_window_is_refused() {
    insta::assert_snapshot!(refused_window(r#"{"weekly": {"from": "09:00", "to": "09:00"}}"#), @"/allow/0/weekly/to: is the same as `from`; for a whole day write from 00:00 to 24:00");
}

#[test]
fn window_that_starts_at_24_00_is_refused() {
    insta::assert_snapshot!(refused_window(r#"{"weekly": {"from": "24:00", "to": "09:00"}}"#), @"/allow/0/weekly/from: 24:00 is the end of a day; write 00:00 and name the next day");
}

#[test]
fn span_that_ends_before_it_starts_is_refused() {
    insta::assert_snapshot!(refused_window(
        r#"{"span": {"start": "2026-12-24T18:00", "end": "2026-12-24T17:00+01:00"}}"#
    ), @"/allow/0/span/end: is not after `start`");
}

#[test]
fn span_that_the_clocks_skip_is_refused() {
    insta::assert_snapshot!(refused_window(
        r#"{"span": {"start": "2026-03-29T02:10", "end": "2026-03-29T02:50"}}"#
    ), @"/allow/0/span/end: is not after `start`");
}

#[test]
fn span_without_start_and_end_is_refused() {
    insta::assert_snapshot!(refused_window(r#"{"span": {}}"#), @"/allow/0/span: has neither `start` nor `end`; give at least one");
}

#[test]
fn cron_expression_without_occurrence_is_refused() {
    insta::assert_snapshot!(refused_window(
        r#"{"cron": {"schedule": "0 0 30 2 *", "duration": "1h"}}"#
    ), @"/allow/0/cron/schedule: `0 0 30 2 *` names a date that never comes, so the window would never start");
}

#[test]
fn cron_expression_with_seconds_is_refused() {
    insta::assert_snapshot!(refused_window(
        r#"{"cron": {"schedule": "0 0 22 * * 5", "duration": "1h"}}"#
    ), @"/allow/0/cron/schedule: `0 0 22 * * 5` is no cron expression of five fields (minute, hour, day, month, weekday): Invalid pattern: Pattern must have 5 fields when seconds are disallowed.");
}

#[test]
fn cron_expression_by_name_is_refused() {
    insta::assert_snapshot!(refused_window(
        r#"{"cron": {"schedule": "@daily", "duration": "1h"}}"#
    ), @"/allow/0/cron/schedule: `@daily`: write the five fields instead of a name, such as 0 22 * * 5");
}

#[test]
fn duration_longer_than_a_year_is_refused() {
    insta::assert_snapshot!(refused_window(
        r#"{"cron": {"schedule": "0 0 1 1 *", "duration": "9000h"}}"#
    ), @"/allow/0/cron/duration: `9000h` is out of range; a window lasts whole seconds, at most 8784h (366 days)");
}

#[test]
fn unknown_fields_are_refused() {
    let unknown = serde_json::from_str::<crate::Settings>(r#"{"timeZone": "UTC", "allowed": []}"#);
    let message = unknown.expect_err("an unknown field").to_string();
    assert!(
        message.starts_with("unknown field `allowed`, expected one of"),
        "{message}"
    );
}

#[test]
fn no_text_makes_parsing_panic() {
    let mut rng = fastrand::Rng::with_seed(1);
    let signs: Vec<char> = "0123459*,/-#LW?+@:TZ MONFEBsun. é\u{0}".chars().collect();
    for _ in 0..20_000 {
        let length = rng.usize(0..24);
        let text: String = (0..length).filter_map(|_| rng.choice(&signs)).collect();
        let window = match rng.u8(0..5) {
            0 => serde_json::json!({"cron": {"schedule": text, "duration": "1h"}}),
            1 => serde_json::json!({"cron": {"schedule": "0 0 * * *", "duration": text}}),
            2 => serde_json::json!({"weekly": {"days": [text], "from": text, "to": text}}),
            3 => serde_json::json!({"span": {"start": text}}),
            _ => serde_json::json!({"yearly": {"from": text, "to": text}}),
        };
        let settings = serde_json::json!({"timeZone": "UTC", "allow": [window]});
        let settings = serde_json::from_value(settings).expect("settings of the right shape");
        let _ = Schedule::parse(settings);
    }
}
