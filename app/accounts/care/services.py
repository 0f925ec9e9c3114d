"""What admins do with other people's accounts; each time noted in the audit log."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.accounts import queries
from app.accounts.models import SignInSession, User
from app.clock import now
from app.db import transaction
from app.errors import Conflict, Invalid
from app.security import Person, requester
from jobs import engine_of

ROLES = {"person": "Person", "admin": "Admin"}


def correct(by: Person, user_id: int, *, name: str, role: str) -> None:
    """Give somebody another name or another role; a new role signs them out everywhere.

    Raises:
        NotFound
        Invalid: there is no such role
        Conflict: it is one's own role, or a guest's
    """
    if role not in ROLES:
        raise Invalid({"role": f"Choose one of: {', '.join(ROLES.values())}."})
    with transaction() as session:
        user = queries.user_of(user_id)
        before = {"name": user.name, "role": role_of(user)}
        after = {"name": name, "role": role}
        if before["role"] != role:
            _check_role(by, user)
            _end_sessions(session, [user_id])
        if before != after:
            session.execute(update(User).where(User.id == user_id).values(name=name, is_admin=role == "admin"))
            _note(by, "correct", user_id, before=before, after=after)


def sign_out(by: Person, user_ids: Sequence[int]) -> list[int]:
    """End every session of these people; whose there were."""
    with transaction() as session:
        ended = _end_sessions(session, user_ids)
        for one in ended:
            _note(by, "sign out", one)
    return ended


def close(by: Person, user_ids: Sequence[int]) -> list[int]:
    """Let these people not sign in any more, and sign them out; who could until now.

    Raises:
        Conflict: one of them is the person who asks
    """
    if by.id in user_ids:
        raise Conflict("You cannot close your own account: nobody might be left to open it.")
    with transaction() as session:
        _end_sessions(session, user_ids)
        return _set(session, by, user_ids, "close account", where=User.disabled_at.is_(None), disabled_at=now())


def open_again(by: Person, user_ids: Sequence[int]) -> list[int]:
    """Let these people sign in again; who could not."""
    with transaction() as session:
        return _set(session, by, user_ids, "open account", where=User.disabled_at.is_not(None), disabled_at=None)


def role_of(user: User) -> str:
    """The key of their role in ROLES."""
    return "admin" if user.is_admin else "person"


def _check_role(by: Person, user: User) -> None:
    if user.id == by.id:
        raise Conflict("You cannot change your own role: nobody might be left to give it back.")
    if user.is_guest:
        raise Conflict("A guest's account goes by itself, so it has no role.")


def _set(session: Session, by: Person, ids: Sequence[int], action: str, *, where: Any, **values: Any) -> list[int]:
    changed = list(session.scalars(select(User.id).where(User.id.in_(ids), where).order_by(User.id).with_for_update()))
    if changed:
        session.execute(update(User).where(User.id.in_(changed)).values(values))
    for one in changed:
        _note(by, action, one)
    return changed


def _end_sessions(session: Session, user_ids: Sequence[int]) -> list[int]:
    ended = session.scalars(
        delete(SignInSession).where(SignInSession.user_id.in_(user_ids)).returning(SignInSession.user_id)
    )
    return sorted(set(ended))


def _note(by: Person, action: str, user_id: int, **details: Any) -> None:
    engine_of().audit.note(by=requester(by.id), action=action, subject=f"person {user_id}", details=details)
