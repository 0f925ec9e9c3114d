"""What is written of an alert: in a file, in a mail, and for programs."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LONGEST_TITLE = 200
LONGEST_WORDS = 2_000
LONGEST_SLUG = 40


def file_name(type_: str, raised_at: datetime, alert_id: int) -> str:
    """A name that no other alert has: "fraud-attempt_2026-11-20_12-00-00_7.txt"."""
    ascii_only = unicodedata.normalize("NFKD", type_).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only.casefold()).strip("-")[:LONGEST_SLUG] or "alert"
    return f"{slug}_{raised_at.astimezone(UTC):%Y-%m-%d_%H-%M-%S}_{alert_id}.txt"


def file_text(*, type_: str, title: str, words: str, severity: str, times: int, raised_at: datetime) -> str:
    """The report of one alert: time, type, brief description."""
    return (
        f"Time: {moment(raised_at)}\n"
        f"Type: {type_}\n"
        f"Description: {title}. {words}\n"
        f"Severity: {severity}\n"
        f"Seen: {times_in_words(times)}\n"
    )


def mail_subject(title: str, times: int) -> str:
    """What the mail is called."""
    again = f" ({times_in_words(times)})" if times > 1 else ""
    return f"Alert: {title}{again}"[:LONGEST_TITLE]


def mail_text(
    *, type_: str, title: str, words: str, times: int, raised_at: datetime, last_at: datetime, link: str
) -> str:
    """The mail, in plain text."""
    seen = f"Since {moment(raised_at)}, {times_in_words(times)}, last at {moment(last_at)}."
    return f"{type_}: {title}.\n\n{words}\n\n{seen}\n\nAcknowledge, mute or resolve it:\n{link}\n"


def payload(alert: Mapping[str, Any], *, link: str) -> dict[str, Any]:
    """What the webhook gets."""
    return {"source": "metronome", "alert": dict(alert), "url": link, "text": f"{alert['type']}: {alert['title']}"}


def moment(at: datetime) -> str:
    """A moment as people read it: "2026-11-20 12:00:00 UTC"."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def times_in_words(times: int) -> str:
    """How often."""
    return "once" if times == 1 else f"{times:,} times".replace(",", "\u202f")


def cut(text: str, longest: int) -> str:
    """The text, not longer than that."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
