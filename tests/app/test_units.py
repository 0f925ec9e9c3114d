"""Numbers as people type them and as they read them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app import units

HOSTILE = [
    "",
    " ",
    "NaN",
    "sNaN",
    "inf",
    "-inf",
    "1e3",
    "1_0",
    "１２",
    "٣",
    "0x10",
    "--1",
    "1.",
    ".5",
    "1.23456",
    "9" * 400,
    "1\x00",
    "=1",
]


@pytest.mark.parametrize(
    ("typed", "number"), [("70", "70"), ("70.5", "70.5"), ("1,5", "1.5"), (" 70 ", "70"), ("-3", "-3")]
)
def test_parse_number_reads_dot_and_comma(typed: str, number: str) -> None:
    assert units.parse_number(typed) == Decimal(number)


@pytest.mark.parametrize(("value", "text"), [("9", "9.0"), ("9.0", "9.0"), ("9.25", "9.25"), ("12.50", "12.5")])
def test_a_met_is_exact_and_has_a_decimal(value: str, text: str) -> None:
    assert units.met(Decimal(value)) == text


@pytest.mark.parametrize("typed", HOSTILE)
def test_parse_number_refuses_what_is_none(typed: str) -> None:
    with pytest.raises(ValueError, match="must be a number"):
        units.parse_number(typed)


def test_parse_number_counts_decimals() -> None:
    with pytest.raises(ValueError, match="can have 2 decimals at most"):
        units.parse_number("1.234", places=2)


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("30", 1800),
        ("30 min", 1800),
        ("1,5", 90),
        ("0.1", 6),
        ("1:15", 4500),
        ("1:15 h", 4500),
        ("0:05", 300),
        ("24:00", 86400),
    ],
)
def test_parse_duration_reads_minutes_and_clock(typed: str, seconds: int) -> None:
    assert units.parse_duration(typed) == timedelta(seconds=seconds)


@pytest.mark.parametrize("typed", [*HOSTILE, "1:60", "1:5", "-1", "1:15:00", ":30", "99999:00"])
def test_parse_duration_refuses_the_rest(typed: str) -> None:
    with pytest.raises(ValueError, match=r"must be|can have"):
        units.parse_duration(typed)


@pytest.mark.parametrize("seconds", [6, 60, 90, 1800, 3600, 4500, 5430, 86400])
def test_a_typed_duration_reads_back_as_it_was(seconds: int) -> None:
    value = timedelta(seconds=seconds)
    assert units.parse_duration(units.typed_duration(value)) == value


@pytest.mark.parametrize(
    ("minutes", "text"), [(1, "1 min"), (42, "42 min"), (59.9, "1:00 h"), (90, "1:30 h"), (1440, "24:00 h")]
)
def test_durations_read_well(minutes: float, text: str) -> None:
    assert units.duration(timedelta(minutes=minutes)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("315.0", "315 kcal"),
        ("0.4", "0 kcal"),
        ("0.6", "1 kcal"),
        ("1284.4", "1\u202f284 kcal"),
        ("1234567", "1\u202f234\u202f567 kcal"),
    ],
)
def test_kcal_is_whole_with_its_thousands_apart(value: str, text: str) -> None:
    assert units.kcal(Decimal(value)) == text


def test_unknown_kcal_is_a_dash() -> None:
    assert units.kcal(None) == "— kcal"


@pytest.mark.parametrize(("value", "text"), [("70.00", "70"), ("70.50", "70.5"), ("100", "100"), ("0.00", "0")])
def test_plain_drops_zeros_that_say_nothing(value: str, text: str) -> None:
    assert units.plain(Decimal(value)) == text


@pytest.mark.parametrize(("minutes", "text"), [(30, "0.5"), (75, "1.25"), (50, "0.833"), (60, "1")])
def test_hours_are_those_of_the_formula(minutes: int, text: str) -> None:
    assert units.hours(timedelta(minutes=minutes)) == text
