use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn civil(text: &str) -> Civil {
    Civil::from(text.parse::<civil::DateTime>().unwrap())
}

fn instant(local: &str, zone: &str) -> Instant {
    from_civil(civil(local), zone).unwrap()
}

#[test]
fn summer_in_berlin_is_two_hours_ahead() {
    let local = to_civil(at("2026-07-03T22:30:15.9Z"), "Europe/Berlin").unwrap();
    assert_eq!(local.civil, civil("2026-07-04T00:30:15"));
    assert_eq!(local.weekday, 6, "a Saturday");
    assert_eq!((local.offset_seconds, local.dst), (7200, true));
    assert_eq!(local.abbreviation, "CEST");
}

#[test]
fn sunday_is_the_seventh_day() {
    assert_eq!(
        to_civil(at("2026-01-04T12:00:00Z"), "UTC").unwrap().weekday,
        7
    );
    assert_eq!(
        to_civil(at("2026-01-05T12:00:00Z"), "UTC").unwrap().weekday,
        1
    );
}

#[test]
fn fractions_before_1970_are_rounded_down() {
    let local = to_civil(at("1969-12-31T23:59:59.5Z"), "UTC").unwrap();
    assert_eq!(local.civil, civil("1969-12-31T23:59:59"));
}

#[test]
fn zone_names_are_case_insensitive() {
    assert_eq!(
        to_civil(at("2026-07-03T22:30:15Z"), "europe/BERLIN"),
        to_civil(at("2026-07-03T22:30:15Z"), "Europe/Berlin")
    );
}

#[test]
fn ordinary_local_time_happens_once() {
    assert_eq!(
        instant("2026-03-02T09:00:00", "America/New_York"),
        Instant::Once(at("2026-03-02T14:00:00Z"))
    );
    assert_eq!(
        instant("2026-03-16T09:00:00", "America/New_York"),
        Instant::Once(at("2026-03-16T13:00:00Z"))
    );
}

#[test]
fn skipped_local_time_is_the_instant_of_the_change() {
    for (local, zone, change) in [
        (
            "2026-03-29T02:00:00",
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
        ),
        (
            "2026-03-29T02:30:00",
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
        ),
        (
            "2026-03-29T02:59:59",
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
        ),
        (
            "2026-03-08T02:30:00",
            "America/New_York",
            "2026-03-08T07:00:00Z",
        ),
        // Half an hour only.
        (
            "2026-10-04T02:15:00",
            "Australia/Lord_Howe",
            "2026-10-03T15:30:00Z",
        ),
        // A whole day, when Samoa crossed the date line.
        (
            "2011-12-30T12:00:00",
            "Pacific/Apia",
            "2011-12-30T10:00:00Z",
        ),
        // After the last change in the database: computed by its rule.
        (
            "2199-03-31T02:30:00",
            "Europe/Berlin",
            "2199-03-31T01:00:00Z",
        ),
    ] {
        assert_eq!(
            instant(local, zone),
            Instant::Skipped(at(change)),
            "{local} in {zone}"
        );
    }
}

#[test]
fn repeated_local_time_has_two_instants() {
    for (local, zone, earlier, later) in [
        (
            "2026-10-25T02:00:00",
            "Europe/Berlin",
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
        ),
        (
            "2026-10-25T02:59:59",
            "Europe/Berlin",
            "2026-10-25T00:59:59Z",
            "2026-10-25T01:59:59Z",
        ),
        (
            "2026-11-01T01:30:00",
            "America/New_York",
            "2026-11-01T05:30:00Z",
            "2026-11-01T06:30:00Z",
        ),
        (
            "2026-04-05T01:45:00",
            "Australia/Lord_Howe",
            "2026-04-04T14:45:00Z",
            "2026-04-04T15:15:00Z",
        ),
    ] {
        assert_eq!(
            instant(local, zone),
            Instant::Twice(at(earlier), at(later)),
            "{local} in {zone}"
        );
    }
}

#[test]
fn edges_of_a_clock_change_happen_once() {
    for (local, zone, once) in [
        (
            "2026-03-29T01:59:59",
            "Europe/Berlin",
            "2026-03-29T00:59:59Z",
        ),
        (
            "2026-03-29T03:00:00",
            "Europe/Berlin",
            "2026-03-29T01:00:00Z",
        ),
        (
            "2026-10-25T01:59:59",
            "Europe/Berlin",
            "2026-10-24T23:59:59Z",
        ),
        (
            "2026-10-25T03:00:00",
            "Europe/Berlin",
            "2026-10-25T02:00:00Z",
        ),
        (
            "2026-10-04T02:30:00",
            "Australia/Lord_Howe",
            "2026-10-03T15:30:00Z",
        ),
        (
            "2026-04-05T02:00:00",
            "Australia/Lord_Howe",
            "2026-04-04T15:30:00Z",
        ),
    ] {
        assert_eq!(
            instant(local, zone),
            Instant::Once(at(once)),
            "{local} in {zone}"
        );
    }
}

#[test]
fn unknown_zone_is_named_in_the_error() {
    for zone in [
        "Mars/Olympus",
        "",
        "Etc/Unknown",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "../../etc/passwd",
        "+02:00",
    ] {
        let error = to_civil(at("2026-01-01T00:00:00Z"), zone).unwrap_err();
        assert_eq!(error.code, ZoneErrorCode::UnknownZone, "{zone:?}");
        assert!(error.message.contains(&format!("{zone:?}")), "{error}");
        assert_eq!(
            from_civil(civil("2026-01-01T00:00:00"), zone).unwrap_err(),
            error
        );
    }
}

#[test]
fn long_zone_name_is_truncated_in_the_error() {
    let error = to_civil(at("2026-01-01T00:00:00Z"), &"ä".repeat(1 << 20)).unwrap_err();
    assert!(error.message.len() < 300, "{} bytes", error.message.len());
}

#[test]
fn invalid_civil_time_is_refused() {
    let good = civil("2026-02-28T23:59:59");
    for bad in [
        Civil { day: 29, ..good },
        Civil { day: 0, ..good },
        Civil { month: 13, ..good },
        Civil { hour: 24, ..good },
        Civil { minute: 60, ..good },
        Civil { second: 60, ..good },
        Civil { day: 200, ..good },
        Civil {
            year: 10_000,
            ..good
        },
    ] {
        let error = from_civil(bad, "UTC").unwrap_err();
        assert_eq!(error.code, ZoneErrorCode::InvalidCivil, "{bad}");
        assert!(error.message.contains(&bad.to_string()), "{error}");
    }
}

#[test]
fn first_day_of_the_calendar_has_no_instant_east_of_utc() {
    let first = Civil {
        year: -9999,
        ..civil("2026-01-01T00:00:00")
    };
    assert_eq!(
        from_civil(first, "Asia/Tokyo").unwrap_err().code,
        ZoneErrorCode::OutOfRange
    );
}

#[test]
fn first_and_last_instant_have_a_local_time_in_every_zone() {
    for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Niue", "Asia/Tokyo"] {
        to_civil(Timestamp::MIN, zone).unwrap();
        to_civil(Timestamp::MAX, zone).unwrap();
    }
}
