"""Numbers, durations and kilocalories, read and printed."""

import re
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

# ASCII digits only, and before anything else looks at the text: Decimal would take "NaN", "1_0" and "１２" too.
NUMBER = re.compile(r"-?[0-9]{1,9}(?:[.,][0-9]{1,4})?")
CLOCK = re.compile(r"([0-9]{1,3}):([0-5][0-9])(?:\s*h)?")
MINUTES = re.compile(r"([0-9]{1,9}(?:[.,][0-9]{1,4})?)\s*(?:min)?")
NARROW_SPACE = "\u202f"
UNKNOWN = "—"
SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def parse_number(text: str, *, places: int = 4) -> Decimal:
    """The number a person typed, with a dot or a comma.

    Raises:
        ValueError: it is none, is too long, or has more than `places` decimals; the text of it is half a sentence
    """
    typed = text.strip()
    if not NUMBER.fullmatch(typed):
        raise ValueError("must be a number")
    number = Decimal(typed.replace(",", "."))
    if number != round(number, places):
        raise ValueError(
            f"can have {places} decimal{'s' * (places > 1)} at most" if places else "must be a whole number"
        )
    return number


def parse_duration(text: str) -> timedelta:
    """The duration a person typed: "30", "30 min" and "1,5" are minutes, "1:15" and "1:15 h" are hours and minutes.

    Raises:
        ValueError: it is neither
    """
    typed = text.strip()
    if clock := CLOCK.fullmatch(typed):
        return timedelta(hours=int(clock[1]), minutes=int(clock[2]))
    if not (found := MINUTES.fullmatch(typed)):
        raise ValueError("must be minutes, or hours and minutes like 1:15")
    return timedelta(seconds=int(parse_number(found[1], places=1) * 60))


def duration(value: timedelta) -> str:
    """A duration to read: "42 min", "1:30 h"."""
    whole = round(value.total_seconds() / 60)
    return f"{whole} min" if whole < 60 else f"{whole // 60}:{whole % 60:02} h"


def clock(value: timedelta) -> str:
    """A duration as hours and minutes: "2:58"."""
    whole = round(value.total_seconds() / 60)
    return f"{whole // 60}:{whole % 60:02}"


def milliseconds(value: int | None) -> str:
    """A short span to read: "12 ms", "3.4 s"; an unknown one is a dash."""
    if value is None:
        return UNKNOWN
    return f"{value} ms" if value < 1000 else f"{value / 1000:.1f} s"


def typed_duration(value: timedelta) -> str:
    """A duration as `parse_duration` reads it back exactly: "42", "0.5", "1:30"."""
    seconds = round(value.total_seconds())
    if seconds >= 3600 and seconds % 60 == 0:
        return f"{seconds // 3600}:{seconds // 60 % 60:02}"
    return plain(Decimal(seconds) / 60)


def hours(value: timedelta) -> str:
    """A duration in hours, for a formula: "0.5", "1.25"; to a thousandth."""
    return plain((Decimal(round(value.total_seconds())) / 3600).quantize(Decimal("0.001"), ROUND_HALF_UP))


def plain(value: Decimal) -> str:
    """A number without the zeros that say nothing: "70", "70.5"."""
    return f"{value.normalize():f}" if value else "0"


def met(value: Decimal) -> str:
    """A MET to read, exact and with one decimal at least: "9.0", "9.25"."""
    text = plain(value)
    return text if "." in text else f"{text}.0"


def whole(value: Decimal) -> str:
    """A number rounded to a whole one, halves to the even one, its thousands apart: "1 284"."""
    return f"{value:,.0f}".replace(",", NARROW_SPACE)


def kcal(value: Decimal | None) -> str:
    """An energy to read: "315 kcal"; an unknown one is a dash, never 0."""
    return f"{UNKNOWN if value is None else whole(value)} kcal"


def size(count_bytes: int) -> str:
    """Bytes as people say them: 1024 bytes are a KiB."""
    steps = next((step for step in range(len(SIZES)) if count_bytes < 1024 ** (step + 1)), len(SIZES) - 1)
    value, unit = count_bytes / 1024**steps, SIZES[steps]
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
