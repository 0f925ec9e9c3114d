"""A part of a page that keeps itself current: when it looks again, whether it changed, and what it tells."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from .standing import settled_words

TAG = re.compile(r"(?P<waiting>[0-9]{1,10}(?:\.[0-9]{1,10}){0,29})?~[0-9a-f]{16}")
MOST_REMEMBERED = 30


def tag(shown: object, *, waiting: Iterable[int]) -> str:
    """A tag for what is shown (its `repr` is compared), which remembers the ids that are still waiting."""
    ids = ".".join(map(str, list(waiting)[:MOST_REMEMBERED]))
    return f"{ids}~{hashlib.blake2s(repr(shown).encode(), digest_size=8).hexdigest()}"


def waiting_in(text: str) -> set[int]:
    """The ids that were waiting when this tag was made; none for what is no tag."""
    found = TAG.fullmatch(text)
    return {int(one) for one in found["waiting"].split(".")} if found and found["waiting"] else set()


def news(settled: Sequence[tuple[str, Decimal | None]]) -> dict[str, Any]:
    """The events for a page on which these activities, by name and energy, got their number or will not."""
    return {"activity-settled": "", "announce": {"text": settled_words(settled)}} if settled else {}


def trigger(pace_s: float | None) -> str:
    """When the region looks again, in htmx's words: at that pace, if any, and when something was set going."""
    asked = "activity-queued from:body"
    # In milliseconds: htmx 4 takes "0.5s" for a path of two names and asks without a pause.
    return asked if pace_s is None else f"every {pace_s * 1000:.0f}ms, {asked}"
