"""Words and states of the console."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs import Entry, State
from jobs.console import pages
from jobs.console.pages import Pill

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def entry(state: State, **values: Any) -> Entry:
    known: dict[str, Any] = {"attempt": 1, "failures": 0, "crashes": 0, "max_retries": 3, "ready_at": NOW}
    return Entry(state=state.value, **{**known, **values})


@pytest.mark.parametrize(
    ("found", "pill"),
    [
        (entry(State.SCHEDULED, run_at=NOW + timedelta(seconds=28)), Pill("scheduled", "Scheduled, in 28 s")),
        (
            entry(State.SCHEDULED, failures=1, run_at=NOW + timedelta(seconds=28)),
            Pill("retrying", "Retrying 2/4, in 28 s"),
        ),
        (entry(State.SCHEDULED, failures=1, run_at=NOW), Pill("retrying", "Retrying 2/4")),
        (entry(State.READY), Pill("queued", "Queued")),
        (entry(State.RUNNING), Pill("running", "Running")),
        (entry(State.SUCCEEDED), Pill("done", "Done")),
        (entry(State.DEAD), Pill("failed", "Failed")),
        (entry(State.PARKED), Pill("failed", "Parked")),
        (entry(State.CANCELLED), Pill("cancelled", "Cancelled")),
        (entry(State.BLOCKED), Pill("scheduled", "Blocked")),
    ],
)
def test_every_state_has_a_lane_and_a_word(found: Entry, pill: Pill) -> None:
    assert pages.pill(found, now=NOW) == pill


@pytest.mark.parametrize(
    ("found", "story"),
    [
        (entry(State.READY, ready_at=NOW - timedelta(seconds=3)), "It waits for a worker, for 3.0 s so far."),
        (
            entry(State.RUNNING, worker="here:1", started_at=NOW - timedelta(minutes=5)),
            "here:1 runs it, for 5 min so far; this is try 1.",
        ),
        (
            entry(State.SUCCEEDED, attempt=2, started_at=NOW, finished_at=NOW + timedelta(milliseconds=400)),
            "Done after 2 tries; the last one took 0.4 s.",
        ),
        (entry(State.CANCELLED, attempt=0), "Cancelled before it ran."),
        (entry(State.CANCELLED), "Cancelled after 1 try."),
        (entry(State.DEAD, attempt=4, error_message="timeout"), "Failed after 4 tries. Last error: timeout"),
        (
            entry(State.PARKED, attempt=3, crashes=3),
            "Parked: it lost its worker 3 times, and is not tried again by itself.",
        ),
        (
            entry(State.SCHEDULED, run_at=NOW + timedelta(minutes=1), error_message="no"),
            "It runs at 2026-11-20 12:01:00 UTC, after 1 try. Last error: no",
        ),
        (entry(State.SCHEDULED, attempt=0, run_at=NOW), "It is due now."),
    ],
)
def test_every_job_has_its_story(found: Entry, story: str) -> None:
    assert pages.story(found, now=NOW) == story


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0.0 s"),
        (0.0004, "0.0 s"),
        (0.004, "4 ms"),
        (0.0996, "0.1 s"),
        (0.44, "0.4 s"),
        (28.9, "28 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_200, "2 h"),
        (200_000, "2 d"),
    ],
)
def test_spans_are_short_words_and_never_negative(seconds: float, words: str) -> None:
    assert pages.in_words(seconds) == words


def test_arguments_are_shown_to_the_last_digit_and_without_secrets() -> None:
    args = {"id": 9007199254740993, "api_key": "k", "to": [{"Password": "p", "name": "Zoë"}]}
    assert pages.shown(args) == (
        '{\n  "id": 9007199254740993,\n  "api_key": "…",\n  "to": [\n    {\n      "Password": "…",\n'
        '      "name": "Zoë"\n    }\n  ]\n}'
    )
