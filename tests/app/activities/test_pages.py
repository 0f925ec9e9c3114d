"""Filters, places and sizes out of an address."""

from datetime import UTC, date, datetime

import pytest

from app.activities.mets import Kind
from app.activities.pages import Filter, Listing, Place, Shown, read_listing

PLACE = Place(date(2026, 11, 20), datetime(2026, 11, 20, 6, 10, 0, 42, UTC), 7)


def test_a_place_reads_back_as_it_was_written() -> None:
    assert Place.read(str(PLACE)) == PLACE


@pytest.mark.parametrize(
    "text",
    ["", "7", "2026-11-20", "2026-11-20.1.x", "2026-13-40.1.1", "2026-11-20.-1.1", "٢٠٢٦-11-20.1.1", "x" * 9_999],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"place|month|day"):
        Place.read(text)


def test_a_listing_reads_back_as_it_was_written() -> None:
    chosen = Filter(kind=Kind.YOGA, since=date(2026, 1, 1), until=date(2026, 2, 1), text="a&b", shown=Shown.FAILED)
    listing = Listing(filter=chosen, size=25, below=PLACE)
    assert read_listing(listing.query(), usual_size=10) == (listing, {})


def test_nothing_asked_for_is_everything_at_the_usual_size() -> None:
    assert read_listing({}, usual_size=50) == (Listing(size=50), {})


def test_what_is_wrong_is_named_and_left_out() -> None:
    listing, wrong = read_listing({"kind": "x", "per_page": "11", "q": " river "}, usual_size=10)
    assert listing == Listing(filter=Filter(text="river"))
    assert wrong == {
        "kind": "Choose one of: running, walking, cycling, swimming, yoga.",
        "per_page": "Choose one of: 10, 25, 50, 100.",
    }
