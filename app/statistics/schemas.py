"""What the API of statistics returns."""

from decimal import Decimal
from typing import Any

from marshmallow import Schema, fields

from app.activities.mets import Kind

from .bests import Best
from .models import UserStatistics
from .summary import WINDOW_DAYS, Total

KINDS = {"enum": [kind.value for kind in Kind]}


class TotalOut(Schema):
    """What several activities add up to. The energy is that of what was counted; null when nothing was."""

    activities = fields.Integer(required=True)
    duration_min = fields.Float(required=True)
    energy_kcal = fields.Float(required=True, allow_none=True)


class KindTotalOut(TotalOut):
    """All of one kind."""

    kind = fields.String(required=True, metadata=KINDS)


class DayTotalOut(TotalOut):
    """All of one day."""

    day = fields.Date(required=True)


class RecordOut(Schema):
    """The activity that holds a record; of those that are alike the one that was logged first."""

    activity_id = fields.Integer(required=True)
    kind = fields.String(required=True, metadata=KINDS)
    day = fields.Date(required=True)
    duration_min = fields.Float(required=True)
    energy_kcal = fields.Float(required=True, allow_none=True)


class KindRecordsOut(Schema):
    """The records of one kind."""

    kind = fields.String(required=True, metadata=KINDS)
    longest = fields.Nested(RecordOut, required=True)
    most_energy = fields.Nested(RecordOut, required=True, allow_none=True)


class BestDayOut(Schema):
    """The day on which most energy was burned."""

    day = fields.Date(required=True)
    energy_kcal = fields.Float(required=True)


class BestsOut(Schema):
    """The best of all activities there ever were; null while there is none."""

    longest = fields.Nested(RecordOut, required=True, allow_none=True)
    most_energy = fields.Nested(RecordOut, required=True, allow_none=True)
    most_energy_in_a_day = fields.Nested(BestDayOut, required=True, allow_none=True)
    kinds = fields.List(fields.Nested(KindRecordsOut), required=True)


class StatisticsOut(TotalOut):
    """What a person did in the last days, and the best they ever did."""

    from_ = fields.Date(required=True, data_key="from")
    to = fields.Date(required=True, metadata={"description": f"Today; the first day is {WINDOW_DAYS - 1} days before."})
    active_days = fields.Integer(required=True, metadata={"description": "Days with at least one activity."})
    longest_min = fields.Float(required=True)
    uncounted = fields.Integer(required=True, metadata={"description": "Activities whose energy is still to come."})
    kinds = fields.List(fields.Nested(KindTotalOut), required=True)
    days = fields.List(fields.Nested(DayTotalOut), required=True, metadata={"description": "Every day, in its order."})
    personal_bests = fields.Nested(BestsOut, required=True)
    calculated_at = fields.AwareDateTime(required=True)


def statistics_out(row: UserStatistics) -> dict[str, Any]:
    """What `StatisticsOut` describes."""
    summary, bests = row.summary, row.personal_bests
    whole = Total("", summary.activity_count, summary.duration_s, summary.energy_kcal)
    return {
        **_total_out(whole),
        "from": summary.since.isoformat(),
        "to": summary.until.isoformat(),
        "active_days": summary.active_days,
        "longest_min": _minutes(summary.longest_s),
        "uncounted": summary.uncounted,
        "kinds": [{"kind": one.name, **_total_out(one)} for one in summary.kinds],
        "days": [{"day": one.name, **_total_out(one)} for _, one in summary.each_day()],
        "personal_bests": {
            "longest": _record_out(bests.longest),
            "most_energy": _record_out(bests.most_energy),
            "most_energy_in_a_day": bests.best_day
            and {"day": bests.best_day.day.isoformat(), "energy_kcal": float(bests.best_day.energy_kcal)},
            "kinds": [
                {
                    "kind": one.kind,
                    "longest": _record_out(one.longest),
                    "most_energy": _record_out(one.most_energy),
                }
                for one in bests.kinds
            ],
        },
        "calculated_at": row.calculated_at.isoformat(),
    }


def _total_out(one: Total) -> dict[str, Any]:
    return {
        "activities": one.activity_count,
        "duration_min": _minutes(one.duration_s),
        "energy_kcal": _number(one.energy_kcal),
    }


def _record_out(one: Best | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "activity_id": one.activity_id,
        "kind": one.kind,
        "day": one.day.isoformat(),
        "duration_min": _minutes(one.duration_s),
        "energy_kcal": _number(one.energy_kcal),
    }


def _minutes(seconds: int) -> float:
    return round(seconds / 60, 2)


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
