"""Now and today: the only reader of the clock."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def today(zone: str) -> date:
    """The calendar day it is now in the time zone named `zone`."""
    return now().astimezone(ZoneInfo(zone)).date()
