"""Words and states of the console."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.ledger.models import Entry
from jobs.ledger.states import FAILED, RETRYABLE, WAITING, State
from jobs.redaction import masked, masked_text, without_secrets

LONGEST_WORD = 128
LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at the list: what it is called, and which jobs are in it."""

    key: str
    word: str
    states: tuple[State, ...] = ()
    is_retry: bool | None = None


VIEWS = (
    View("", "All"),
    View("scheduled", "Scheduled", (State.SCHEDULED,), is_retry=False),
    View("queued", "Queued", (State.READY,)),
    View("running", "Running", (State.RUNNING,)),
    View("retrying", "Retrying", (State.SCHEDULED,), is_retry=True),
    View("failed", "Failed", FAILED),
    View("cancelled", "Cancelled", (State.CANCELLED,)),
    View("done", "Done", (State.SUCCEEDED,)),
)
LEDGER_WORDS = {"ready": "queued", "succeeded": "done"}
ONE_STATE = {state.value: View(state.value, state.value.capitalize(), (state,)) for state in State}


def is_word(text: str) -> bool:
    """Whether the text can be looked for: every database takes it, and no name is longer."""
    return len(text) <= LONGEST_WORD and text.isprintable() and is_storable(text)


def is_storable(text: str) -> bool:
    """Whether every database takes the text's signs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def reason_in(form: Mapping[str, str]) -> str | None:
    """Why something is done, if somebody said so. Raises ValueError with a sentence."""
    said = form.get("reason", "").strip()
    if len(said) > LONGEST_REASON or not said.isprintable() or not is_storable(said):
        raise ValueError(f"Give up to {LONGEST_REASON} signs on one line.")
    return said or None


@dataclass(frozen=True, slots=True)
class Pill:
    """A state as operators see it: the lane's key and a word."""

    key: str
    word: str


PILLS = {
    State.BLOCKED: Pill("scheduled", "Blocked"),
    State.READY: Pill("queued", "Queued"),
    State.RUNNING: Pill("running", "Running"),
    State.SUCCEEDED: Pill("done", "Done"),
    State.CANCELLED: Pill("cancelled", "Cancelled"),
    State.DEAD: Pill("failed", "Failed"),
    State.PARKED: Pill("failed", "Parked"),
}


def pill(entry: Entry, *, now: datetime) -> Pill:
    """Where this job stands."""
    tries = entry.max_retries + 1
    wait = in_words((entry.run_at - now).total_seconds()) if entry.run_at and entry.run_at > now else ""
    due = f", in {wait}" if wait else ""
    if entry.state != State.SCHEDULED:
        return PILLS[State(entry.state)]
    if entry.failures:
        return Pill("retrying", f"Retrying {entry.failures + 1}/{tries}{due}")
    return Pill("scheduled", f"Scheduled{due}")


def story(entry: Entry, *, now: datetime) -> str:  # noqa: PLR0911 -- one sentence for each state
    """What happened to this job, in a sentence or two."""
    tries = f"{entry.attempt} {'try' if entry.attempt == 1 else 'tries'}"
    error = f" Last error: {masked_text(entry.error_message)}" if entry.error_message else ""
    match State(entry.state):
        case State.SCHEDULED | State.BLOCKED:
            when = "is due now" if not entry.run_at or entry.run_at <= now else f"runs at {clock(entry.run_at)}"
            return f"It {when}, after {tries}.{error}" if entry.attempt else f"It {when}."
        case State.READY:
            return f"It waits for a worker, for {_span(entry.ready_at, now)} so far.{error}"
        case State.RUNNING:
            return f"{entry.worker} runs it, for {_span(entry.started_at, now)} so far; this is try {entry.attempt}."
        case State.SUCCEEDED:
            return f"Done after {tries}; the last one took {_span(entry.started_at, entry.finished_at)}."
        case State.CANCELLED:
            return f"Cancelled after {tries}." if entry.attempt else "Cancelled before it ran."
        case State.DEAD:
            return f"Failed after {tries}.{error}"
        case State.PARKED:
            return f"Parked: it lost its worker {entry.crashes} times, and is not tried again by itself.{error}"


def can_retry(entry: Entry) -> bool:
    """Whether it may be asked for again."""
    return entry.state in RETRYABLE


def can_cancel(entry: Entry) -> bool:
    """Whether it may be cancelled."""
    return entry.state in WAITING


def in_words(seconds: float) -> str:
    """A span as people say it, short: "4 ms", "0.4 s", "28 s", "6 min", "3 h", "2 d"."""
    if 0.0005 < seconds < 0.0995:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    for most, size, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < most:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 86_400:.0f} d"


def _span(since: datetime | None, until: datetime | None) -> str:
    return in_words((until - since).total_seconds()) if since and until else "an unknown time"


def clock(moment: datetime) -> str:
    """A moment, for everybody the same."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shown(value: Any, *, revealed: bool = False) -> str:
    """Arguments or a result as text: every digit of a number, no secret, and what is personal only when `revealed`."""
    return json.dumps(shaped(value, revealed=revealed), ensure_ascii=False, indent=2)


def shaped(value: Any, *, revealed: bool = False) -> Any:
    """The value as `shown` writes it."""
    kept = without_secrets(value)
    return kept if revealed else masked(kept)


def grouped(number: int) -> str:
    """A whole number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\u202f")


def words() -> dict[str, Any]:
    """How templates put things."""
    return {"pill": pill, "in_words": in_words, "clock": clock, "shown": shown, "grouped": grouped}
