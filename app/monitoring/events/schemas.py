"""What the API of events accepts and returns."""

from typing import Any

from marshmallow import Schema, fields

from app.fields import WholeField
from app.stream import Kind, Level

from .models import EventRow


class EventArgs(Schema):
    """Which events. Each is read as on the page, and refused with the same sentences."""

    kind = fields.String(load_default="", metadata={"enum": list(Kind)})
    level = fields.String(load_default="", metadata={"enum": list(Level)})
    action = fields.String(load_default="", metadata={"description": "What exactly: an endpoint, a kind of job."})
    who = fields.String(load_default="", metadata={"description": "As jobs tell it: user 7; or an address."})
    request_id = fields.String(load_default="")
    job = fields.String(load_default="", metadata={"description": "The id of a job."})
    ago = fields.String(load_default="", metadata={"description": "How far back: 15min, 6h, 2d."})
    q = fields.String(load_default="", metadata={"description": "Text in the words of the newest 20,000."})
    limit = WholeField(1, 100, digits=True, load_default=50)
    next = fields.String(load_default="", metadata={"description": "From the page before."})


class EventOut(Schema):
    """Something that happened; several that were alike at one moment are one with a count."""

    id = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    kind = fields.String(required=True, metadata={"enum": list(Kind)})
    action = fields.String(required=True)
    level = fields.String(required=True, metadata={"enum": list(Level)})
    words = fields.String(required=True)
    who = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    job = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True)
    fields_ = fields.Dict(required=True, data_key="fields", attribute="fields")


class EventPageOut(Schema):
    """A page of events, newest first; `next` asks for the page after it and is null on the last."""

    events = fields.List(fields.Nested(EventOut), required=True)
    next = fields.String(required=True, allow_none=True)


def event_out(row: EventRow) -> dict[str, Any]:
    """What `EventOut` describes."""
    names = ("id", "kind", "action", "level", "words", "who", "request_id", "job", "count", "fields")
    return {"at": row.at.isoformat().replace("+00:00", "Z"), **{name: getattr(row, name) for name in names}}
