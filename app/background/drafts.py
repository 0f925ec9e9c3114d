"""A job as somebody asks for it, and what of it cannot be taken."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

MOST_AT_ONCE = 1_000
LARGEST_ARGS = 50_000
LARGEST_INTEGER = 2**63 - 1
FARTHEST = timedelta(days=3_660)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A job that somebody asks for: `priority` 0 comes first; without one it has its kind's own, and so its `queue`."""

    kind: str
    args: Mapping[str, Any] = field(default_factory=dict)
    priority: int | None = None
    queue: str | None = None
    run_at: datetime | None = None
    expires_at: datetime | None = None
    unique: str | None = None

    def fingerprint(self) -> str:
        """The same for the same job asked for twice."""
        told = [self.kind, self.args, self.priority, str(self.run_at), str(self.expires_at), self.unique]
        told += [] if self.queue is None else [self.queue]  # what was sent before there were queues stays the same
        return sha256(json.dumps(told, sort_keys=True).encode("utf-8", "replace")).hexdigest()


def fingerprint_of(drafts: Sequence[Draft]) -> str:
    """The same for the same jobs in the same order."""
    return sha256("".join(one.fingerprint() for one in drafts).encode()).hexdigest()


def problems_of(draft: Draft, *, now: datetime) -> dict[str, str]:
    """What is wrong with it whatever its kind and arguments, a sentence by field."""
    wrong = {}
    if wrong_time := problem_of_start(draft.run_at, now=now):
        wrong["run_at"] = wrong_time
    if draft.expires_at is not None and draft.expires_at <= max(now, draft.run_at or now):
        wrong["expires_at"] = "It must be later than the start."
    return wrong


def problem_of_args(args: Mapping[str, Any]) -> str | None:
    """What is wrong with these arguments whatever they are for."""
    if len(json.dumps(args)) > LARGEST_ARGS:
        return f"They may have {LARGEST_ARGS:,} characters of JSON."
    if any(abs(number) > LARGEST_INTEGER for number in _integers(args)):
        return "They hold a number that not every program can read: use 64 bits, or text."
    return None


def problem_of_start(run_at: datetime | None, *, now: datetime) -> str | None:
    """What is wrong with this start."""
    return "It may be at most ten years from now." if run_at is not None and abs(run_at - now) > FARTHEST else None


def _integers(value: Any) -> Iterator[int]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, int):
            yield one
