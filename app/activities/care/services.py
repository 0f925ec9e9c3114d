"""What admins do with other people's activities: as these would do it themselves, and noted in the audit log."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from app.accounts.models import User
from app.activities import services
from app.activities.models import Activity
from app.db import reading, transaction
from app.errors import NotFound
from app.security import Person, check_manages, who
from jobs import engine_of

FIELDS = ("kind", "duration", "weight_kg", "notes")


def correct(by: Person, activity_id: int, changes: Mapping[str, Any], *, reason: str | None = None) -> None:
    """Change some of kind, duration, weight and notes; what its energy depends on makes it count again.

    Raises:
        NotAllowed, NotFound, Invalid
    """
    check_manages(by)
    with transaction():
        one, owner = _found(activity_id)
        before = {name: getattr(one.draft, name) for name in changes}
        changed = {name: value for name, value in changes.items() if value != before[name]}
        if not changed:
            return
        services.change_activity(owner.id, activity_id, changed, zone=owner.zone)
        told = {"before": {name: str(before[name]) for name in changed}}
        after = {name: str(value) for name, value in changed.items()}
        _note(by, "correct", activity_id, **told, after=after, reason=reason)


def delete(by: Person, activity_ids: Sequence[int], reason: str | None = None) -> list[int]:
    """Lay activities in their owners' bins, where they can be taken back from; those that were not there.

    Raises:
        NotAllowed
    """
    return _each(by, "delete", activity_ids, services.delete_activity, reason)


def restore(by: Person, activity_ids: Sequence[int], reason: str | None = None) -> list[int]:
    """Take activities back out of their owners' bins; those that were there. Raises NotAllowed."""
    return _each(by, "restore", activity_ids, services.restore_activity, reason)


def recount(by: Person, activity_ids: Sequence[int], reason: str | None = None) -> list[int]:
    """Try again to work out what activities burned; those that have their energy are left as they are.

    Raises:
        NotAllowed
    """
    waiting = select(Activity.id).where(Activity.id.in_(activity_ids), Activity.energy_kcal.is_(None))
    return _each(by, "recount", list(reading().scalars(waiting)), services.recount_activity, reason)


def _each(by: Person, action: str, ids: Sequence[int], do: Callable[[int, int], None], reason: str | None) -> list[int]:
    check_manages(by)
    done = []
    with transaction():
        for activity_id in ids:
            try:
                _, owner = _found(activity_id)
                do(owner.id, activity_id)
            except NotFound:
                continue  # somebody was quicker
            _note(by, action, activity_id, reason=reason)
            done.append(activity_id)
    return done


def _found(activity_id: int) -> tuple[Activity, User]:
    query = select(Activity, User).join(User, User.id == Activity.user_id).where(Activity.id == activity_id)
    found = reading().execute(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such activity.")
    return found[0], found[1]


def _note(by: Person, action: str, activity_id: int, **details: Any) -> None:
    engine_of().audit.note(by=who(by), action=action, subject=f"activity {activity_id}", details=details)
