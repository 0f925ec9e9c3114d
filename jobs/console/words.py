"""How the console's templates put things."""

from collections.abc import Mapping
from typing import Any

from . import pages


def share(part: float, whole: float) -> str:
    """A share in words: `—` of nothing, `0 %`, `under 1 %`, `37 %`."""
    if not whole:
        return "—"
    percent = 100 * part / whole
    return "under 1 %" if 0 < percent < 1 else f"{percent:.0f} %"


def seconds(value: float | None) -> str:
    """A short time, to the millisecond where that matters: `4 ms`, `0.43 s`, `12 s`; `—` when it is not known."""
    if value is None:
        return "—"
    if value < 0.1:
        return f"{value * 1000:.0f} ms" if value >= 0.001 or value == 0 else "under 1 ms"
    return f"{value:.2f} s" if value < 1 else pages.in_words(value)


def grouped(number: float) -> str:
    """A number with thin spaces between its thousands."""
    return f"{number:,.0f}".replace(",", "\u202f")


def pace(count: float, minutes: float) -> str:
    """So many in so many minutes, as a rate a minute."""
    rate = count / minutes if minutes else 0.0
    return "0" if not rate else f"{rate:.1f}" if rate < 10 else grouped(rate)


WORDS: Mapping[str, Any] = {
    "pill": pages.pill,
    "in_words": pages.in_words,
    "clock": pages.clock,
    "shown": pages.shown,
    "share": share,
    "seconds": seconds,
    "grouped": grouped,
    "rate_of": pace,
}
