"""What a live region remembers and tells."""

from decimal import Decimal

import pytest

from app.activities.regions import news, tag, trigger, waiting_in


def test_a_tag_remembers_who_waits() -> None:
    assert waiting_in(tag("anything", waiting=[3, 1, 2])) == {1, 2, 3}
    assert waiting_in(tag("anything", waiting=[])) == set()


def test_a_tag_remembers_thirty_at_most() -> None:
    assert len(waiting_in(tag("anything", waiting=range(1_000)))) == 30


def test_tags_differ_when_what_is_shown_differs() -> None:
    assert tag(("a", 1), waiting=[]) == tag(("a", 1), waiting=[])
    assert tag(("a", 1), waiting=[]) != tag(("a", 2), waiting=[])


@pytest.mark.parametrize(
    "text", ["", "x", "1,2~0123456789abcdef", "1~short", "9" * 400 + "~0123456789abcdef", "1\r\n~0123456789abcdef"]
)
def test_what_is_no_tag_remembers_nobody(text: str) -> None:
    assert waiting_in(text) == set()


def test_news_are_told_only_when_there_are_some() -> None:
    assert news([]) == {}
    assert news([("Running", Decimal(315))]) == {"activity-settled": "", "announce": {"text": "Running: 315 kcal"}}


@pytest.mark.parametrize(
    ("pace_s", "words"),
    [(None, "activity-queued from:body"), (0.5, "every 500ms, activity-queued from:body"),
     (60.0, "every 60000ms, activity-queued from:body")],
)  # fmt: skip
def test_a_region_with_nothing_to_wait_for_waits_to_be_woken(pace_s: float | None, words: str) -> None:
    assert trigger(pace_s) == words
