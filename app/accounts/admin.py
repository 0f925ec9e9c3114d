"""People in the staff area."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement

from app.errors import Invalid
from app.security import Person
from app.staff import Act, Badge, Choice, During, Field, StaffPage
from app.text import one_line

from .care import services
from .forms import LONGEST_NAME
from .models import User

KINDS = {**services.ROLES, "guest": "Guest"}
TONES = {"admin": "info", "operator": "info", "viewer": "info", "guest": "warn"}


def _kind(one: User) -> str:
    return "guest" if one.is_guest else services.role_of(one)


def _has_role(role: str) -> ColumnElement[bool]:
    if role == "admin":
        return User.is_admin.is_(True)
    if role == "guest":
        return User.goes_at.is_not(None)
    known = User.is_admin.is_(False) & User.goes_at.is_(None)
    return known & (User.role == ("" if role == services.PERSON else role))


def _save(by: Person, user_id: int, values: Mapping[str, str], reason: str | None) -> None:
    try:
        name = one_line(values["name"], longest=LONGEST_NAME)
    except ValueError as error:
        raise Invalid({"name": str(error)}) from None
    if not name:
        raise Invalid({"name": "This is needed."})
    services.correct(by, user_id, name=name, role=values["role"], reason=reason)


PEOPLE = StaffPage(
    key="people",
    title="People",
    icon="user",
    model=User,
    columns={
        "Id": lambda one: one.id,
        "Name": lambda one: one.name,
        "E-mail": lambda one: one.email,
        "Role": lambda one: Badge(KINDS[_kind(one)], TONES.get(_kind(one), "")),
        "Sign-in": lambda one: Badge("Closed", "bad") if one.disabled_at else Badge("Open", "ok"),
        "Time zone": lambda one: one.zone,
        "Since": lambda one: one.created_at,
    },
    sections={
        "How they like it": {
            "Colours": lambda one: one.theme,
            "Live updates": lambda one: "on" if one.live_updates else "off",
        },
        "The account": {
            "Closed": lambda one: one.disabled_at,
            "Account goes": lambda one: one.goes_at,
        },
    },
    filters=(
        Choice(
            "Role",
            KINDS,
            _has_role,
        ),
        Choice(
            "Sign-in",
            {"open": "Open", "closed": "Closed"},
            lambda state: User.disabled_at.is_(None) if state == "open" else User.disabled_at.is_not(None),
        ),
        During("Since", User.created_at),
    ),
    searched=(User.name, User.email),
    acts=(
        Act(
            "sign-out",
            "Sign out",
            "Sign {count} {people} out everywhere?",
            "Signed out: {count}.",
            services.sign_out,
            detail="They can sign in again at once, with their password.",
            icon="logout",
        ),
        Act(
            "close",
            "Close sign-in",
            "Close the account of {count} {people}?",
            "Closed: {count}.",
            services.close,
            detail="They are signed out and cannot sign in any more, nor can their programs. Nothing is lost.",
            kind="danger",
            undo="open",
        ),
        Act(
            "open",
            "Open sign-in",
            "Open the account of {count} {people} again?",
            "Opened: {count}.",
            services.open_again,
            detail="They can sign in again with their password.",
            kind="primary",
        ),
    ),
    fields={
        "name": Field("Name", lambda one: one.name),
        "role": Field("Role", services.role_of, choices=services.ROLES, hint="Another role signs them out everywhere."),
    },
    save=_save,
)
