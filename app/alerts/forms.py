"""What the forms of alerts accept."""

import re
from collections.abc import Mapping

from app.errors import Invalid

HOURS = re.compile(r"[0-9]{1,4}", re.ASCII)
MUTES = {"1": "1 hour", "8": "8 hours", "24": "1 day", "168": "1 week", "": "Until it is told again"}


def hours_of(form: Mapping[str, str]) -> int | None:
    """For how many hours; None for good. Raises Invalid."""
    text = form.get("hours", "").strip()
    if not text:
        return None
    if not HOURS.fullmatch(text) or not int(text):
        raise Invalid({"hours": "Give a whole number of hours, or nothing."})
    return int(text)
