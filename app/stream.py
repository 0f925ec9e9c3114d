"""What happens, told as it happens: the way into the event log.

Telling waits for no disk and no network. What is told lies in a bounded buffer until a thread takes it away; what finds
no room, or comes too often, is counted instead.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import Flask, current_app

from app import logs
from app.clock import now
from jobs import current_uid

MOST_KEPT = 10_000
USUAL_PER_S = 100
UID_LENGTH = 32


class Kind(StrEnum):
    """Which sort of thing happened."""

    REQUEST = "request"
    JOB = "job"
    SIGN_IN = "sign-in"
    SECURITY = "security"
    OPERATOR = "operator"
    HEALTH = "health"
    ALERT = "alert"
    SYSTEM = "system"


class Level(StrEnum):
    """How grave it is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened: when, of which sort, what exactly (a few words that repeat), and a sentence about it.

    `who` is as the ledger calls people ("user 7"), or an address where nobody is known.
    """

    at: datetime
    kind: Kind
    action: str
    words: str
    level: Level = Level.INFO
    who: str | None = None
    request_id: str | None = None
    job: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    is_logged: bool = False


class Stream:
    """What was told in this process and nobody has taken yet.

    Of ordinary requests and jobs it takes so many in a second; what went wrong is taken as long as there is room.
    """

    def __init__(self, *, most: int = MOST_KEPT, usual_per_s: int = USUAL_PER_S) -> None:
        self._most, self._usual_per_s = most, usual_per_s
        self._told: deque[Happening] = deque()
        self._dropped: Counter[str] = Counter()
        self._second, self._usual = 0, 0
        self.wake: Callable[[], None] = lambda: None

    def put(self, one: Happening) -> None:
        """Take it, or count that it could not be taken. Returns at once and raises nothing."""
        if one.level is Level.INFO and one.kind in {Kind.REQUEST, Kind.JOB} and self._is_too_often():
            self._dropped["rate"] += 1
        elif len(self._told) >= self._most:
            self._dropped["buffer"] += 1
        else:
            self._told.append(one)
        self.wake()

    def take(self, most: int) -> list[Happening]:
        """The oldest ones, which are nobody else's from now on."""
        return [self._told.popleft() for _ in range(min(most, len(self._told)))]

    def take_dropped(self) -> dict[str, int]:
        """How many could not be taken since somebody asked, by the reason."""
        dropped, self._dropped = self._dropped, Counter()
        return {reason: number for reason, number in dropped.items() if number}

    def drop(self, reason: str, count: int) -> None:
        """Count some that were taken and could not be kept."""
        self._dropped[reason] += count

    def __len__(self) -> int:
        return len(self._told)

    def has_enough(self) -> bool:
        """Whether no ordinary thing is taken any more in this second: what is not taken need not be put together."""
        return self._usual >= self._usual_per_s and int(time.monotonic()) == self._second

    def _is_too_often(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._usual = second, 0
        self._usual += 1
        return self._usual > self._usual_per_s


def install(app: Flask) -> Stream:
    """Give the application its stream."""
    stream = app.extensions["stream"] = Stream()
    return stream


def stream_of(app: Flask | None = None) -> Stream:
    """The stream of the application (the current one unless given)."""
    found: Stream = (app or current_app).extensions["stream"]
    return found


def tell(
    kind: Kind,
    action: str,
    words: str,
    *,
    level: Level = Level.INFO,
    who: str | None = None,
    job: str | None = None,
    is_logged: bool = False,
    **fields: Any,
) -> None:
    """Tell that something happened, with the request and the job that this code belongs to.

    `is_logged` says that a line of the log tells it already.
    """
    about_job = job or current_uid.get()
    stream_of().put(
        Happening(
            at=now(),
            kind=kind,
            action=action,
            words=words,
            level=level,
            who=who,
            request_id=logs.field("request_id"),
            job=about_job and about_job[:UID_LENGTH],
            fields=fields,
            is_logged=is_logged,
        )
    )
