"""Reading activities."""

from collections.abc import Sequence

from sqlalchemy import Row, select

from app.db import reading
from app.errors import NotFound

from .models import Activity

NOT_THERE = "There is no such activity."


def activity_of(user_id: int, activity_id: int, *, deleted: bool = False, locked: bool = False) -> Activity:
    """One activity of this person; with `deleted`, one that lies in the bin; with `locked`, nobody else changes it.

    Raises:
        NotFound: it is not there, or somebody else's
    """
    query = select(Activity).where(
        Activity.id == activity_id,
        Activity.user_id == user_id,
        Activity.deleted_at.is_not(None) if deleted else Activity.deleted_at.is_(None),
    )
    if locked:
        query = query.with_for_update()
    # The session may have met the row before: what it remembers could be older than what the lock waited for.
    found = reading().scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound(NOT_THERE)
    return found


def to_count(activity_ids: Sequence[int]) -> Sequence[Row[tuple[int, object, object, int, object]]]:
    """What the energy of each activity depends on, in the order of their ids, locked until the transaction ends.

    The lock makes an edit that is under way finish first: its values are the ones that are read.
    """
    columns = (Activity.id, Activity.met, Activity.weight_kg, Activity.duration_s, Activity.energy_kcal)
    return (
        reading()
        .execute(
            select(*columns).where(Activity.id.in_(activity_ids)).order_by(Activity.id).with_for_update(key_share=True)
        )
        .all()
    )
