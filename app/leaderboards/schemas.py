"""What the API of leaderboards accepts and returns."""

from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields, validate

from app.fields import LineField, WholeField

from .boards import LONGEST_NAME, Measure, Period
from .models import Board, Member
from .queries import Place
from .services import next_update

PERIODS = [one.value for one in Period]
MEASURES = [one.value for one in Measure]
MOST_AFTER = 1_000_000


class BoardArgs(Schema):
    """Which leaderboard, and which lines of it."""

    period = fields.String(
        load_default=PERIODS[0], validate=validate.OneOf(PERIODS, error=f"Choose one of: {', '.join(PERIODS)}.")
    )
    by = fields.String(
        load_default=MEASURES[0], validate=validate.OneOf(MEASURES, error=f"Choose one of: {', '.join(MEASURES)}.")
    )
    limit = WholeField(1, 100, digits=True, load_default=25)
    next = WholeField(0, MOST_AFTER, digits=True, load_default=0, metadata={"description": "From the page before."})


class MembershipIn(Schema):
    """Under which name somebody takes part."""

    display_name = LineField(required=True, longest=LONGEST_NAME)


class MembershipOut(MembershipIn):
    """How somebody takes part."""

    joined_at = fields.AwareDateTime(required=True)


class PlaceOut(Schema):
    """One line of a leaderboard."""

    rank = fields.Integer(required=True, metadata={"description": "Equal values share one: 1, 2, 2, 4."})
    display_name = fields.String(required=True)
    value = fields.Float(required=True, metadata={"description": "Kilocalories, whole minutes, or days."})
    is_you = fields.Boolean(required=True)


class BoardOut(Schema):
    """A leaderboard of those who take part, the best first; `next` asks for the lines after these."""

    period = fields.String(required=True, metadata={"enum": PERIODS})
    by = fields.String(required=True, metadata={"enum": MEASURES})
    from_ = fields.Date(required=True, allow_none=True, data_key="from")
    to = fields.Date(required=True, allow_none=True)
    calculated_at = fields.AwareDateTime(required=True, allow_none=True)
    next_at = fields.AwareDateTime(required=True, allow_none=True)
    people = fields.Integer(required=True)
    places = fields.List(fields.Nested(PlaceOut), required=True)
    next = fields.Integer(required=True, allow_none=True)
    you = fields.Nested(
        PlaceOut, required=True, allow_none=True, metadata={"description": "Your line, wherever it is."}
    )


def membership_out(member: Member) -> dict[str, Any]:
    """What `MembershipOut` describes."""
    return {"display_name": member.display_name, "joined_at": member.joined_at.isoformat()}


def board_out(board: Board | None) -> dict[str, Any]:
    """The part of `BoardOut` that is about time."""
    return {
        "from": board and board.since_day and board.since_day.isoformat(),
        "to": board and board.until_day and board.until_day.isoformat(),
        "calculated_at": board and board.calculated_at.isoformat(),
        "next_at": board and next_update(board.calculated_at).isoformat(),
    }


def place_out(place: Place | None) -> dict[str, Any] | None:
    """What `PlaceOut` describes."""
    if place is None:
        return None
    return {
        "rank": place.rank,
        "display_name": place.display_name,
        "value": float(place.value) if isinstance(place.value, Decimal) else place.value,
        "is_you": place.is_own,
    }
