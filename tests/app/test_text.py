"""Text that people type."""

import pytest

from app.text import one_line, plain_text


def test_text_is_trimmed_and_composed_and_its_line_breaks_are_one_sign() -> None:
    assert plain_text("  Cafe\u0301\r\nand\rcake\n ") == "Café\nand\ncake"


@pytest.mark.parametrize(
    "kept", ["{{7*7}}", "<script>alert(1)</script>", "=cmd|'/C calc'!A0", "👩‍👩‍👧", "tab\there", "שלום"]
)
def test_text_is_only_text(kept: str) -> None:
    assert plain_text(kept) == kept


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x85", "\ud800"])
def test_signs_that_cannot_be_kept_are_refused(sign: str) -> None:
    with pytest.raises(ValueError, match="cannot be kept"):
        plain_text(f"a{sign}b")


def test_a_flood_of_combining_marks_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="much too long, with 100001"):
        plain_text("a" + "\u0301\u0316" * 50_000)


@pytest.mark.parametrize("sign", ["\n", "\t", "\u202e", "\u2066"])
def test_a_name_is_one_line_that_reads_in_one_direction(sign: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        one_line(f"a{sign}b", longest=80)


def test_a_name_has_an_end() -> None:
    assert one_line(" " + "é" * 80, longest=80) == "é" * 80
    with pytest.raises(ValueError, match="may have 80 characters; this has 81"):
        one_line("é" * 81, longest=80)
