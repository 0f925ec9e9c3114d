"""What the API of reminders accepts and returns."""

from typing import Any

from marshmallow import Schema, fields

from app.fields import WholeField

from .due import FEWEST_DAYS, LAST_HOUR, MOST_DAYS, USUAL_DAYS, USUAL_HOUR
from .models import Reminder
from .services import has_mail


class RemindersIn(Schema):
    """When somebody wants to be reminded."""

    need_not_come = True

    days = WholeField(
        FEWEST_DAYS, MOST_DAYS, load_default=USUAL_DAYS, metadata={"description": "Days without logging."}
    )
    hour = WholeField(
        0, LAST_HOUR, load_default=USUAL_HOUR, metadata={"description": "From this hour of your own day on."}
    )


class RemindersOut(Schema):
    """Whether and when somebody is reminded."""

    is_on = fields.Boolean(required=True)
    days = fields.Integer(required=True)
    hour = fields.Integer(required=True)
    reminded_on = fields.Date(required=True, allow_none=True, metadata={"description": "The last time."})
    has_mail = fields.Boolean(
        required=True, metadata={"description": "Whether a mail server is set up here; nothing is sent without."}
    )


def reminders_out(found: Reminder | None) -> dict[str, Any]:
    """What `RemindersOut` describes."""
    return {
        "is_on": found is not None and found.is_on,
        "days": found.days if found else USUAL_DAYS,
        "hour": found.hour if found else USUAL_HOUR,
        "reminded_on": found.reminded_on.isoformat() if found and found.reminded_on else None,
        "has_mail": has_mail(),
    }
