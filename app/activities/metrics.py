"""Activities as numbers for those who watch."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import case, func, select

from app.db import reading

from .models import Activity


@dataclass(frozen=True, slots=True)
class Sums:
    """What all people did: energy of what is in their lists, and how many they logged of each kind."""

    energy_kcal: Decimal
    logged: Mapping[str, int]


def sums() -> Sums:
    """Add up every activity. Reads them all: not for every request."""
    in_lists = case((Activity.deleted_at.is_(None), Activity.energy_kcal))
    query = select(Activity.kind, func.count(), func.sum(in_lists)).group_by(Activity.kind).order_by(Activity.kind)
    rows = reading().execute(query).all()
    return Sums(
        energy_kcal=sum((energy_kcal for _, _, energy_kcal in rows if energy_kcal is not None), Decimal(0)),
        logged={kind: count for kind, count, _ in rows},
    )


def mark() -> str:
    """A word that changes when activities are added or deleted. Cheap: it looks only at the ends of indexes."""
    newest = select(func.max(Activity.id)).scalar_subquery()
    deleted = select(func.max(Activity.deleted_at)).where(Activity.deleted_at.is_not(None)).scalar_subquery()
    restored = select(func.count()).where(Activity.deleted_at.is_not(None)).scalar_subquery()
    return "|".join(str(value) for value in reading().execute(select(newest, deleted, restored)).one())
