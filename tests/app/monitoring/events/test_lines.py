"""The line protocol of InfluxDB."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.monitoring.events.lines import line

AT = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
NS = "1795176000123456000"


def test_point_has_sorted_tags_fields_and_nanoseconds() -> None:
    told = line("metronome", tags={"level": "info", "kind": "job"}, fields={"took_ms": 1.5, "count": 2}, at=AT)
    assert told == f"metronome,kind=job,level=info count=2i,took_ms=1.5 {NS}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("two words", r"two\ words"),
        ("a,b", r"a\,b"),
        ("a=b", r"a\=b"),
        ('say "hi"', r"say\ \"hi\"".replace('\\"', '"')),
        ("a\\", "a/"),
        ("one\ntwo\r\n", r"one\ two"),
        ("Grüße 🙂", r"Grüße\ 🙂"),
    ],
)
def test_tag_is_escaped(value: str, written: str) -> None:
    assert line("m", tags={"t": value}, fields={"f": 1}, at=AT) == f"m,t={written} f=1i {NS}"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a, b = c", '"a, b = c"'),
        ('say "hi"', r'"say \"hi\""'),
        ("C:\\temp\\", r'"C:\\temp\\"'),
        ("one\ntwo\x00\u2028", '"one two "'),
        (True, "true"),
        (-3, "-3i"),
        (2.0, "2.0"),
    ],
)
def test_field_is_written_by_its_type(value: object, written: str) -> None:
    assert line("m", tags={}, fields={"f": value}, at=AT) == f"m f={written} {NS}"


def test_names_are_escaped_too() -> None:
    assert line("my points", tags={"a b": "c"}, fields={"d=e": 1}, at=AT) == rf"my\ points,a\ b=c d\=e=1i {NS}"


def test_what_is_empty_is_left_out_and_a_point_needs_a_field() -> None:
    assert line("m", tags={"a": None, "b": "", "c": " \n"}, fields={"f": 1, "g": None}, at=AT) == f"m f=1i {NS}"
    with pytest.raises(ValueError, match="needs a field"):
        line("m", tags={"a": "b"}, fields={"f": None}, at=AT)
