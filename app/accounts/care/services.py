"""What admins do with other people's accounts; each time noted in the audit log."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.accounts import queries
from app.accounts import services as accounts
from app.accounts.models import SignInSession, User
from app.clock import now
from app.db import transaction
from app.errors import Conflict, Invalid
from app.security import ADMIN, OPERATOR, VIEWER, Person, check_manages, who
from jobs import engine_of

PERSON = "person"
ROLES = {PERSON: "Person", VIEWER: "Viewer", OPERATOR: "Operator", ADMIN: "Admin"}


def correct(by: Person, user_id: int, *, name: str, role: str, reason: str | None = None) -> None:
    """Give somebody another name or another role; a new role signs them out everywhere.

    Raises:
        NotAllowed: whoever asks is no admin
        NotFound
        Invalid: there is no such role, or it is a guest's
        Conflict: it is one's own role
    """
    check_manages(by)
    if role not in ROLES:
        raise Invalid({"role": f"Choose one of: {', '.join(ROLES.values())}."})
    with transaction() as session:
        user = queries.user_of(user_id)
        before, has_new_role = user.name, role_of(user) != role
        if has_new_role and user.id == by.id:
            raise Conflict("You cannot change your own role: nobody might be left to give it back.")
        if before != name:
            session.execute(update(User).where(User.id == user_id).values(name=name))
            _note(by, "correct", user_id, before={"name": before}, after={"name": name}, reason=reason)
        if has_new_role:
            accounts.give_role(user_id, "" if role == PERSON else role, by=by, reason=reason)
            _end_sessions(session, [user_id])


def sign_out(by: Person, user_ids: Sequence[int], reason: str | None = None) -> list[int]:
    """End every session of these people; whose there were. Raises NotAllowed."""
    check_manages(by)
    with transaction() as session:
        ended = _end_sessions(session, user_ids)
        for one in ended:
            _note(by, "sign out", one, reason=reason)
    return ended


def close(by: Person, user_ids: Sequence[int], reason: str | None = None) -> list[int]:
    """Let these people not sign in any more, and sign them out; who could until now.

    Raises:
        NotAllowed: whoever asks is no admin
        Conflict: one of them is the person who asks
    """
    check_manages(by)
    if by.id in user_ids:
        raise Conflict("You cannot close your own account: nobody might be left to open it.")
    with transaction() as session:
        _end_sessions(session, user_ids)
        return _set(session, by, user_ids, "close account", reason, where=User.disabled_at.is_(None), disabled_at=now())


def open_again(by: Person, user_ids: Sequence[int], reason: str | None = None) -> list[int]:
    """Let these people sign in again; who could not. Raises NotAllowed."""
    check_manages(by)
    with transaction() as session:
        return _set(
            session, by, user_ids, "open account", reason, where=User.disabled_at.is_not(None), disabled_at=None
        )


def role_of(user: User) -> str:
    """The key of their role in ROLES."""
    return accounts.role_of(user) or PERSON


def _set(
    session: Session, by: Person, ids: Sequence[int], action: str, reason: str | None, *, where: Any, **values: Any
) -> list[int]:
    changed = list(session.scalars(select(User.id).where(User.id.in_(ids), where).order_by(User.id).with_for_update()))
    if changed:
        session.execute(update(User).where(User.id.in_(changed)).values(values))
    for one in changed:
        _note(by, action, one, reason=reason)
    return changed


def _end_sessions(session: Session, user_ids: Sequence[int]) -> list[int]:
    ended = session.scalars(
        delete(SignInSession).where(SignInSession.user_id.in_(user_ids)).returning(SignInSession.user_id)
    )
    return sorted(set(ended))


def _note(by: Person, action: str, user_id: int, **details: Any) -> None:
    engine_of().audit.note(by=who(by), action=action, subject=f"person {user_id}", details=details)
