"""People in the staff area."""

from app.staff import Choice, StaffPage

from .models import User

ROLES = {"admin": "Admin", "person": "Person", "guest": "Guest"}

PEOPLE = StaffPage(
    key="people",
    title="People",
    icon="user",
    model=User,
    columns={
        "Id": lambda one: one.id,
        "Name": lambda one: one.name,
        "E-mail": lambda one: one.email,
        "Role": lambda one: ROLES[_role(one)],
        "Time zone": lambda one: one.zone,
        "Since": lambda one: one.created_at,
    },
    details={
        "Colours": lambda one: one.theme,
        "Live updates": lambda one: "on" if one.live_updates else "off",
        "Account goes": lambda one: one.goes_at,
    },
    filters=(
        Choice(
            "Role",
            ROLES,
            lambda role: {
                "admin": User.is_admin.is_(True),
                "person": User.is_admin.is_(False) & User.goes_at.is_(None),
                "guest": User.goes_at.is_not(None),
            }[role],
        ),
    ),
    searched=(User.name, User.email),
)


def _role(one: User) -> str:
    return "guest" if one.is_guest else "admin" if one.is_admin else "person"
