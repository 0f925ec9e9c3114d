"""When something is an alert, and when it is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum


class Severity(StrEnum):
    """How soon somebody should look. What is critical is told in quiet hours too."""

    CRITICAL = "critical"
    WARNING = "warning"


class Verdict(StrEnum):
    """What follows from a value that was measured."""

    RAISE = "raise"
    GOES_ON = "goes on"
    RESOLVE = "resolve"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Rule:
    """A sort of alert, by what people call it.

    Of sightings it takes `times` within `within`; `by_subject` makes an alert for each who did it.
    """

    type: str
    title: str
    severity: Severity = Severity.WARNING
    times: int = 1
    within: timedelta = timedelta(minutes=10)
    by_subject: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a value crosses at `raised_at` and above, and has left at `cleared_at` and below.

    What lies between changes nothing, so that a value that wavers raises one alert and not twenty.
    """

    raised_at: float
    cleared_at: float

    def __post_init__(self) -> None:
        if self.cleared_at >= self.raised_at:
            raise ValueError("a line is cleared below the point where it is crossed")


RULES: Mapping[str, Rule] = {
    "forbidden": Rule("Fraud attempt", "Somebody asked for what their role does not allow", by_subject=True),
    "forged token": Rule("Fraud attempt", "A request came with a forged token", Severity.CRITICAL),
    "cross-site request": Rule("Request forgery", "Another site made a browser send a request here"),
    "stale form": Rule("Request forgery", "Forms keep coming without the token of their session", times=5),
    "failed sign-in": Rule("Failed sign-ins", "Sign-ins keep failing", times=5, by_subject=True),
}
"""What is seen, by the word under which the event log tells it."""

WATCHED: Mapping[str, Rule] = {
    "queue age": Rule("Queue waits", "Jobs wait too long"),
    "failure rate": Rule("Jobs fail", "Too many jobs fail"),
    "dead jobs": Rule("Jobs died", "Many jobs died"),
    "no worker": Rule("No worker", "No worker is alive", Severity.CRITICAL),
    "lost worker": Rule("Lost worker", "A worker fell silent"),
    "missed schedule": Rule("Missed schedule", "A schedule missed its time"),
    "health": Rule("Health", "The web does not answer as it should", Severity.CRITICAL),
    "part of the system": Rule("Health", "A part of the system is not well"),
    "audit log": Rule("Audit log broken", "The audit log is not as it was written", Severity.CRITICAL),
    "prometheus": Rule("Prometheus", "Prometheus raised an alert"),
    "test": Rule("Test", "This is a test"),
}
"""What is measured, or comes from elsewhere."""


SECURITY_TYPES = frozenset({*(one.type for one in RULES.values()), WATCHED["audit log"].type})
"""What is about security: attempts, and an audit log that somebody changed."""


def judged(value: float | None, line: Line, *, is_open: bool) -> Verdict:
    """What a value means; None says that there is nothing to measure, which is no reason for an alert."""
    if value is None:
        return Verdict.RESOLVE if is_open else Verdict.LEAVE
    if value >= line.raised_at:
        return Verdict.GOES_ON if is_open else Verdict.RAISE
    if value <= line.cleared_at:
        return Verdict.RESOLVE if is_open else Verdict.LEAVE
    return Verdict.LEAVE


def failure_percent(*, failed: int, succeeded: int, least: int) -> float | None:
    """Of a hundred jobs that ended, how many failed; None while fewer than `least` ended."""
    ended = failed + succeeded
    return None if ended < least else failed * 100 / ended


def is_quiet(at: datetime, hours: tuple[time, time, tzinfo] | None) -> bool:
    """Whether this moment lies in the quiet hours, which may pass midnight."""
    if hours is None or hours[0] == hours[1]:
        return False
    begin, end, zone = hours
    local = at.astimezone(zone).time().replace(tzinfo=None)
    return begin <= local < end if begin < end else local >= begin or local < end


def is_to_be_told(
    *,
    at: datetime,
    asked_at: datetime | None,
    cool_down: timedelta,
    is_muted: bool,
    is_acknowledged: bool,
    is_quiet_now: bool,
    severity: str,
) -> bool:
    """Whether people are told of an open alert at this moment: the first time, and again after the cool-down."""
    if is_muted or is_acknowledged or (is_quiet_now and severity != Severity.CRITICAL):
        return False
    return asked_at is None or at - asked_at >= cool_down
