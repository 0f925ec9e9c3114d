"""Rules and their slots, above all in the nights in which the clocks are changed."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs import Rule
from jobs.schedules.rules import next_after, upcoming

BERLIN, NEW_YORK, APIA = "Europe/Berlin", "America/New_York", "Pacific/Apia"
HOSTILE_MS = 5
NAIVE = datetime


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def slots(rule: Rule, after: str, count: int) -> list[str]:
    """The next slots as the wall shows them."""
    return [
        one.at.astimezone(ZoneInfo(rule.zone)).isoformat(timespec="minutes") for one in upcoming(rule, at(after), count)
    ]


def notes(rule: Rule, after: str, count: int) -> list[str]:
    return [one.note for one in upcoming(rule, at(after), count)]


def cron(line: str, zone: str) -> Rule:
    return Rule.cron(line, zone=zone)


def daily(start: str, zone: str, **every: int) -> Rule:
    return Rule.every(**(every or {"days": 1}), starts_at=at(start), zone=zone)


def recurring(text: str, start: str, zone: str = "UTC") -> Rule:
    return Rule.rrule(text, starts_at=at(start), zone=zone)


TABLE: dict[str, tuple[Rule, str, list[str]]] = {
    "Berlin, daily 02:30, forward": (
        cron("30 2 * * *", BERLIN),
        "2026-03-27T12:00+01:00",
        ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
    ),
    "Berlin, daily 02:30, back": (
        cron("30 2 * * *", BERLIN),
        "2026-10-23T12:00+02:00",
        ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
    ),
    "Berlin, daily 02:30 by RRULE, forward": (
        recurring("FREQ=DAILY", "2026-03-01T02:30+01:00", BERLIN),
        "2026-03-27T12:00+01:00",
        ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
    ),
    "Berlin, daily 02:30 by RRULE, back": (
        recurring("FREQ=DAILY", "2026-03-01T02:30+01:00", BERLIN),
        "2026-10-23T12:00+02:00",
        ["2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
    ),
    "Berlin, every day from 02:30 on, forward": (
        daily("2026-03-28T02:30+01:00", BERLIN),
        "2026-03-27T12:00+01:00",
        ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
    ),
    "Berlin, 02:30 and 03:00, forward: both at once, which is one": (
        cron("0,30 2,3 * * *", BERLIN),
        "2026-03-29T01:59+01:00",
        ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00", "2026-03-30T02:00+02:00"],
    ),
    "Berlin, every half hour, forward": (
        cron("*/30 * * * *", BERLIN),
        "2026-03-29T01:15+01:00",
        ["2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"],
    ),
    "Berlin, every half hour, back: the hour counts twice": (
        cron("*/30 * * * *", BERLIN),
        "2026-10-25T02:15+02:00",
        ["2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00", "2026-10-25T03:00+01:00"],
    ),
    "Berlin, every hour by RRULE, back: the hour counts twice": (
        recurring("FREQ=HOURLY", "2026-10-01T00:30+02:00", BERLIN),
        "2026-10-25T01:45+02:00",
        ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"],
    ),
    "Berlin, asked in the second of two hours alike": (
        cron("*/20 2 * * *", BERLIN),
        "2026-10-25T02:10+01:00",
        ["2026-10-26T02:00+01:00", "2026-10-26T02:20+01:00"],
    ),
    "Berlin, every 3 hours, forward": (
        daily("2026-03-28T18:00+01:00", BERLIN, hours=3),
        "2026-03-28T20:00+01:00",
        ["2026-03-28T21:00+01:00", "2026-03-29T00:00+01:00", "2026-03-29T04:00+02:00", "2026-03-29T07:00+02:00"],
    ),
    "Berlin, every 3 hours, back": (
        daily("2026-10-24T18:00+02:00", BERLIN, hours=3),
        "2026-10-24T20:00+02:00",
        ["2026-10-24T21:00+02:00", "2026-10-25T00:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T05:00+01:00"],
    ),
    "Berlin, every 2 days keeps its time on the wall": (
        daily("2026-03-27T07:30+01:00", BERLIN, days=2),
        "2026-03-27T07:30+01:00",
        ["2026-03-29T07:30+02:00", "2026-03-31T07:30+02:00"],
    ),
    "New York, daily 02:30, forward": (
        cron("30 2 * * *", NEW_YORK),
        "2026-03-07T00:00-05:00",
        ["2026-03-07T02:30-05:00", "2026-03-08T03:00-04:00", "2026-03-09T02:30-04:00"],
    ),
    "New York, daily 01:30, back": (
        cron("30 1 * * *", NEW_YORK),
        "2026-10-31T00:00-04:00",
        ["2026-10-31T01:30-04:00", "2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"],
    ),
    "Apia, where 30 December 2011 did not take place": (
        cron("0 12 * * *", APIA),
        "2011-12-28T13:00-10:00",
        ["2011-12-29T12:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T12:00+14:00"],
    ),
    "29 February": (
        cron("0 0 29 2 *", "UTC"),
        "2096-01-01T00:00+00:00",
        ["2096-02-29T00:00+00:00", "2104-02-29T00:00+00:00", "2108-02-29T00:00+00:00"],
    ),
    "29 February by RRULE": (
        recurring("FREQ=YEARLY", "2024-02-29T09:00+00:00"),
        "2096-01-01T00:00+00:00",
        ["2096-02-29T09:00+00:00", "2104-02-29T09:00+00:00"],
    ),
    "the end of the month": (
        recurring("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-01T18:00+00:00"),
        "2026-01-05T00:00+00:00",
        ["2026-01-31T18:00+00:00", "2026-02-28T18:00+00:00", "2026-03-31T18:00+00:00", "2026-04-30T18:00+00:00"],
    ),
    "the 31st, in months that have one": (
        cron("0 18 31 * *", "UTC"),
        "2026-01-05T00:00+00:00",
        ["2026-01-31T18:00+00:00", "2026-03-31T18:00+00:00", "2026-05-31T18:00+00:00"],
    ),
    "the last working day of the month": (
        recurring("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-01T18:00+00:00"),
        "2026-01-05T00:00+00:00",
        ["2026-01-30T18:00+00:00", "2026-02-27T18:00+00:00", "2026-03-31T18:00+00:00"],
    ),
    "every other week keeps its weeks, however long ago it began": (
        recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2001-01-03T10:00+00:00"),
        "2026-01-05T00:00+00:00",
        ["2026-01-12T10:00+00:00", "2026-01-16T10:00+00:00", "2026-01-26T10:00+00:00"],
    ),
    "a weekday or a day of the month": (
        cron("0 9 13 * fri", "UTC"),
        "2026-01-31T00:00+00:00",
        ["2026-02-06T09:00+00:00", "2026-02-13T09:00+00:00", "2026-02-20T09:00+00:00"],
    ),
    "Sunday is 0 and 7": (
        cron("0 9 * * 7", "UTC"),
        "2026-01-31T00:00+00:00",
        ["2026-02-01T09:00+00:00", "2026-02-08T09:00+00:00"],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_table_of_slots(name: str) -> None:
    rule, after, expected = TABLE[name]
    assert slots(rule, after, len(expected)) == expected


def test_notes_say_what_a_change_of_the_clocks_does() -> None:
    assert notes(cron("30 2 * * *", BERLIN), "2026-03-27T12:00+01:00", 4) == [
        "",
        "the clocks skip its time; moved to 03:00",
        "",
        "",
    ]
    assert notes(cron("30 2 * * *", BERLIN), "2026-10-24T12:00+02:00", 3) == [
        "02:30 comes twice; this is the first",
        "the clocks were put back by 60 minutes since the run before",
        "",
    ]
    assert notes(daily("2026-03-28T18:00+01:00", BERLIN, hours=3), "2026-03-28T20:00+01:00", 3) == [
        "",
        "",
        "the clocks were put forward by 60 minutes since the run before",
    ]


def test_a_start_that_is_not_over_is_the_first_slot() -> None:
    start = "2026-05-01T08:00+00:00"
    assert slots(daily(start, "UTC", hours=3), "2026-04-01T00:00+00:00", 2) == [start, "2026-05-01T11:00+00:00"]
    assert slots(recurring("FREQ=DAILY", start), "2026-04-01T00:00+00:00", 1) == [start]


def test_an_end_counts_and_nothing_after_it() -> None:
    rule = Rule.cron("0 * * * *", ends_at=at("2026-05-01T02:00+00:00"))
    assert slots(rule, "2026-05-01T00:30+00:00", 5) == ["2026-05-01T01:00+00:00", "2026-05-01T02:00+00:00"]


@pytest.mark.parametrize(
    ("until", "count"), [("20260503", 3), ("20260503T080000", 3), ("20260503T055900Z", 2), ("20260503T060000Z", 3)]
)
def test_until_is_on_the_wall_unless_it_says_utc(until: str, count: int) -> None:
    rule = recurring(f"FREQ=DAILY;UNTIL={until}", "2026-05-01T08:00+02:00", BERLIN)
    assert len(upcoming(rule, at("2026-04-01T00:00+00:00"))) == count


def test_at_most_so_many_times() -> None:
    start = at("2026-05-01T08:00+00:00")
    rule = Rule.every(hours=1, starts_at=start, most_times=3)
    assert [len(upcoming(rule, start, fired=fired)) for fired in (0, 1, 3)] == [3, 2, 0]
    assert recurring("FREQ=DAILY;COUNT=4", "2026-05-01T08:00+00:00").most_times == 4


def test_once_is_once() -> None:
    moment = at("2026-12-24T18:00+01:00")
    rule = Rule.once(moment)
    assert next_after(rule, moment - timedelta(seconds=1)) == moment
    assert next_after(rule, moment) is None


def test_mixed_lengths_count_as_the_smallest() -> None:
    assert [Rule.every(**length).text for length in ({"hours": 1}, {"hours": 1, "minutes": 30}, {"weeks": 2})] == [
        "1 hour",
        "90 minutes",
        "2 weeks",
    ]


@given(
    minutes=st.integers(1, 5_000),
    start=st.datetimes(NAIVE(2020, 1, 1), NAIVE(2030, 1, 1)),
    later=st.timedeltas(timedelta(0), timedelta(days=900)),
)
def test_a_length_does_not_drift(minutes: int, start: datetime, later: timedelta) -> None:
    rule = Rule.every(minutes=minutes, starts_at=start.replace(tzinfo=UTC))
    assert rule.starts_at is not None
    moment = rule.starts_at + later
    found = next_after(rule, moment)
    assert found is not None
    assert (found - rule.starts_at) % timedelta(minutes=minutes) == timedelta(0)
    assert timedelta(0) < found - moment.replace(microsecond=0) <= timedelta(minutes=minutes)


@settings(max_examples=60, deadline=None)
@given(
    rule=st.sampled_from([rule for rule, _, _ in TABLE.values()]),
    moment=st.datetimes(NAIVE(2026, 1, 1), NAIVE(2027, 1, 1)),
)
def test_slots_only_go_forward_and_none_is_left_out(rule: Rule, moment: datetime) -> None:
    first = next_after(rule, moment.replace(tzinfo=UTC))
    assert first is not None
    assert first > moment.replace(tzinfo=UTC)
    assert next_after(rule, first - timedelta(seconds=1)) == first
    second = next_after(rule, first)
    assert second is not None
    assert next_after(rule, first + (second - first) / 2) == second


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Rule.cron("* * * *"), "cron: five fields"),
        (lambda: Rule.cron("60 * * * *"), "cron: minute must be between 0 and 59"),
        (lambda: Rule.cron("0 24 * * *"), "cron: hour must be between 0 and 23"),
        (lambda: Rule.cron("0 0 0 * *"), "cron: day must be between 1 and 31"),
        (lambda: Rule.cron("0 0 * 13 *"), "cron: month must be between 1 and 12"),
        (lambda: Rule.cron("0 0 * * 8"), "cron: weekday must be between 0 and 7"),
        (lambda: Rule.cron("0 0 * * fri-mon"), "cron: weekday counts backwards"),
        (lambda: Rule.cron("*/0 * * * *"), "cron: minute must be between 1 and 60"),
        (lambda: Rule.cron("٣ * * * *"), "cron: minute must be"),
        (lambda: Rule.cron("0 0 30 2 *"), "cron: no day ever matches"),
        (lambda: Rule.rrule("INTERVAL=2"), "rrule: FREQ must be one of"),
        (lambda: Rule.rrule("FREQ=SECONDLY"), "rrule: FREQ must be one of"),
        (lambda: Rule.rrule("FREQ=DAILY;FREQ=DAILY"), "rrule: FREQ must stand there once"),
        (lambda: Rule.rrule("FREQ=DAILY;INTERVAL=0"), "rrule: INTERVAL must be between"),
        (lambda: Rule.rrule("FREQ=DAILY;BYHOUR=24"), "rrule: BYHOUR must be between 0 and 23"),
        (lambda: Rule.rrule("FREQ=DAILY;BYDAY=XX"), "rrule: BYDAY takes MO to SU"),
        (lambda: Rule.rrule("FREQ=WEEKLY;BYDAY=1MO"), "rrule: BYDAY takes MO to SU, numbered only"),
        (lambda: Rule.rrule("FREQ=DAILY;BYEASTER=1"), "rrule: BYEASTER is not known"),
        (lambda: Rule.rrule("FREQ=DAILY;UNTIL=tomorrow"), "rrule: UNTIL must look like"),
        (lambda: Rule.rrule("FREQ=DAILY;WKST=X"), "rrule: WKST must be one of"),
        (lambda: Rule("every", "3 fortnights"), "every: it must look like"),
        (lambda: Rule("every", "0 hours"), "every: must be between"),
        (Rule.every, "every: say how many"),
        (lambda: Rule("once", "tomorrow"), "once: a moment is needed"),
        (lambda: Rule("once", "2026-01-01T00:00:00"), "once: the moment needs a time zone"),
        (lambda: Rule("sometimes", "x"), "'sometimes' is not a valid RuleKind"),
        (lambda: Rule.cron("@daily", zone="../../etc/passwd"), "zone: there is no time zone called"),
        (lambda: Rule.cron("@daily", zone="Europe"), "zone: there is no time zone called"),
        (lambda: Rule.cron("@daily", zone=""), "zone: a name"),
        (lambda: Rule.cron("@daily", most_times=0), "most_times: must be between"),
        (lambda: Rule.cron("@daily", jitter_s=-1), "jitter_s: must be between"),
        (lambda: Rule.cron("@daily", starts_at=NAIVE(2026, 1, 1)), "starts_at: the moment needs a time zone"),
        (lambda: Rule.cron("@daily", ends_at=datetime(1, 1, 1, tzinfo=UTC)), "ends_at: the year must be between"),
        (
            lambda: Rule.cron("@daily", starts_at=at("2026-01-02T00:00Z"), ends_at=at("2026-01-01T00:00Z")),
            "ends_at: it ends before it starts",
        ),
        (lambda: next_after(Rule.every(hours=1), at("2026-01-01T00:00Z")), "starts_at: this rule"),
    ],
)
def test_a_wrong_rule_is_refused_and_the_field_named(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        make()


def many(low: int, high: int) -> str:
    return ",".join(str(number) for number in range(low, high))


HOSTILE = [
    ("cron", "0 0 31 2,4,6,9,11 *"),
    ("cron", "0 0 1-99999999999999 * *"),
    ("cron", "*/1,*/1,*/1,*/1,*/1,*/1 " * 5),
    ("cron", "1," * 100_000 + "1 * * * *"),
    ("cron", f"{many(0, 60)} * * * *"),
    ("rrule", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=DAILY;INTERVAL=3660;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=HOURLY;INTERVAL=23;BYHOUR=3;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", f"FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;BYMINUTE={many(0, 60)}"),
    ("rrule", f"FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR={many(0, 24)};BYMINUTE={many(0, 60)}"),
    ("rrule", "FREQ=HOURLY;INTERVAL=876;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=DAILY;INTERVAL=23;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYSETPOS=360,-361,362,-363,364"),
    ("rrule", "FREQ=DAILY;BYSETPOS=360,-361,362,-363,364"),
    ("rrule", "FREQ=WEEKLY;BYSETPOS=360,-361,362,-363,364"),
    ("rrule", f"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;BYHOUR={many(0, 24)};BYMINUTE={many(0, 60)}"),
    ("rrule", f"FREQ=MINUTELY;INTERVAL=53;BYMONTH=2;BYMONTHDAY=30;BYMINUTE={many(0, 60)};BYSECOND=59"),
    ("rrule", "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=MINUTELY;BYMINUTE=59;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=MINUTELY;INTERVAL=1000000;BYMONTH=2;BYMONTHDAY=30"),
    ("rrule", "FREQ=MINUTELY;BYHOUR=3"),
    ("rrule", f"FREQ=DAILY;BYHOUR={many(0, 24)};BYMINUTE={many(0, 60)}"),
    ("rrule", f"FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={many(0, 24)};BYMINUTE={many(0, 60)}"),
    ("rrule", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=1,2,3,4"),
    ("rrule", f"FREQ=YEARLY;BYYEARDAY={many(1, 367)}"),
    ("rrule", "FREQ=YEARLY;BYYEARDAY=1,2,3,4,5,6,7,8,9,10,11,12;BYSETPOS=366,-366,365,-365,364"),
    ("rrule", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6"),
    ("rrule", "FREQ=DAILY;COUNT=99999999999999999999"),
    ("rrule", "FREQ=DAILY;INTERVAL=" + "9" * 400),
    ("rrule", "FREQ=DAILY;" * 100_000),
    ("every", "9" * 100_000 + " seconds"),
    ("once", "2" * 100_000),
]


@pytest.mark.parametrize(
    "text",
    ["FREQ=MONTHLY;BYDAY=53MO", "FREQ=MONTHLY;BYDAY=1MO,-6SU", "FREQ=YEARLY;BYMONTH=12;BYDAY=20TU"],
)
def test_a_month_has_at_most_five_of_a_weekday(text: str) -> None:
    with pytest.raises(ValueError, match=r"^rrule: BYDAY counts to 5 in a month"):
        recurring(text, "2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "found"),
    {
        "FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50;BYDAY=MO": "2026-03-09T00:00+00:00",
        "FREQ=DAILY;BYHOUR=8,12;BYSETPOS=-1;BYMONTH=2": "2027-02-01T12:00+00:00",
        f"FREQ=DAILY;BYHOUR={many(0, 24)};BYMINUTE={many(0, 60)};BYMONTH=2": "2027-02-01T00:00+00:00",
        "FREQ=YEARLY;BYDAY=53TH": "2026-12-31T00:00+00:00",
    }.items(),
)
def test_what_ordinary_rules_say_is_found_within_their_bounds(text: str, found: str) -> None:
    assert slots(recurring(text, "2026-03-02T00:00:00Z"), "2026-03-02T23:59:59Z", 1) == [found]


@pytest.mark.parametrize(("kind", "text"), HOSTILE, ids=[f"{kind} {text[:40]}" for kind, text in HOSTILE])
def test_a_hostile_rule_costs_next_to_nothing(kind: str, text: str) -> None:
    def cost_ms() -> float:
        began = time.thread_time()
        try:
            rule = Rule(kind, f"{text} "[: len(text)], starts_at=at("2001-03-03T03:03:03Z"))  # type: ignore[arg-type]
            next_after(rule, at("2026-12-30T00:00:00Z"))
        except ValueError:
            pass
        return (time.thread_time() - began) * 1000

    assert min(cost_ms() for _ in range(3)) < HOSTILE_MS
