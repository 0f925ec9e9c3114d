"""What the health endpoint's answer means, and a day of answers as a strip."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

GRAVER = {"ok": 0, "degraded": 1, "down": 2}
CELL = timedelta(minutes=10)
CELLS = 144
APART = timedelta(minutes=10)
LONGEST = 300
WORDS = {"ok": "well", "degraded": "not at its best", "down": "down", "unknown": "nobody looked"}


@dataclass(frozen=True, slots=True)
class Answer:
    """How the web is, by what it answered."""

    condition: str
    words: str


@dataclass(frozen=True, slots=True)
class Cell:
    """Ten minutes of the strip: the worst that was seen, how often somebody looked, and the slowest answer."""

    begins_at: datetime
    condition: str
    looks: int
    slowest_ms: float

    @property
    def word(self) -> str:
        """How it was."""
        return WORDS[self.condition]


def read_answer(status: int | None, text: str) -> Answer:
    """Of the lines "part: condition (words)" those that are not ok; without an answer it is down."""
    if status is None:
        return Answer("down", text[:LONGEST] or "It does not answer.")
    lines = [line.strip() for line in text.splitlines() if ": " in line]
    wrong = [line for line in lines if not line.partition(": ")[2].startswith("ok")]
    if status != 200:
        return Answer("down", "; ".join(wrong)[:LONGEST] or f"It answers {status}.")
    return Answer("degraded" if wrong else "ok", "; ".join(wrong)[:LONGEST] or "All is well.")


def strip(looks: Iterable[tuple[datetime, str, float]], *, until: datetime) -> list[Cell]:
    """A day up to `until` in cells of ten minutes, the oldest first."""
    first = _begin_of(until) - CELL * (CELLS - 1)
    worst, count, slowest = ["unknown"] * CELLS, [0] * CELLS, [0.0] * CELLS
    for at, condition, latency_ms in looks:
        number = (at - first) // CELL
        if 0 <= number < CELLS:
            if worst[number] == "unknown" or GRAVER.get(condition, 2) > GRAVER[worst[number]]:
                worst[number] = condition if condition in GRAVER else "down"
            count[number] += 1
            slowest[number] = max(slowest[number], latency_ms)
    return [Cell(first + CELL * number, worst[number], count[number], slowest[number]) for number in range(CELLS)]


@dataclass(frozen=True, slots=True)
class Spell:
    """Looks in a row that found the same: from when to when, and how many."""

    begins_at: datetime
    ends_at: datetime
    condition: str
    words: str
    looks: int


def spells(troubles: Iterable[tuple[datetime, str, str]]) -> list[Spell]:
    """Looks that found something wrong, the newest first, those that follow each other and found the same as one."""
    found: list[Spell] = []
    for at, condition, words in troubles:
        last = found[-1] if found else None
        if last and (last.condition, last.words) == (condition, words) and last.begins_at - at < APART:
            found[-1] = replace(last, begins_at=at, looks=last.looks + 1)
        else:
            found.append(Spell(at, at, condition, words, 1))
    return found


def availability(looks: int, failed: int) -> str:
    """Percent of the time in which it answered, not rounded up: "99.98"."""
    if not looks:
        return "—"
    if not failed:
        return "100"
    # Cut and not rounded: whoever failed once was not there all of the time.
    return f"{(looks - failed) * 10_000 // looks / 100:.2f}"


def quantile_ms(latencies_ms: Sequence[float], share: float) -> float | None:
    """The latency in milliseconds that this share of all calls stayed within; None without calls."""
    if not latencies_ms:
        return None
    ordered = sorted(latencies_ms)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _begin_of(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 10 * 10, second=0, microsecond=0)
