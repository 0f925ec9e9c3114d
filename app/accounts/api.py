"""People and their roles under /api/v1, for admins."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from app.fields import LineField, WholeField
from app.openapi import ApiBlueprint, answer
from app.security import api_access, me

from . import queries, services
from .models import User

LARGEST_ID = 2**31 - 1
LONGEST_REASON = 200
ROLES = ["none", *filter(None, services.ROLES)]

blp = ApiBlueprint("people_api", __name__, url_prefix="/api/v1", description="People and what they may do.")


class PeopleArgs(Schema):
    """Which page."""

    limit = WholeField(1, 100, digits=True, load_default=25)
    next = WholeField(0, LARGEST_ID, digits=True, load_default=0, metadata={"description": "From the page before."})


class RoleIn(Schema):
    """What somebody shall be, and why."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES, error=f"Choose one of: {', '.join(ROLES)}."))
    reason = LineField(longest=LONGEST_REASON, metadata={"description": "For the audit log."})


class PersonOut(Schema):
    """Somebody with an account."""

    id = fields.Integer(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    role = fields.String(required=True, metadata={"enum": ROLES})
    created_at = fields.AwareDateTime(required=True)


class PeopleOut(Schema):
    """People, the oldest account first; guests are not told."""

    people = fields.List(fields.Nested(PersonOut), required=True)
    next = fields.Integer(required=True, allow_none=True)


@blp.get("/people")
@blp.arguments(PeopleArgs(), location="query")
@blp.response(200, PeopleOut)
@api_access("admin")
def index(args: dict[str, Any]) -> Response:
    """List people with their roles."""
    found = queries.people(after_id=args["next"], limit=args["limit"] + 1)
    shown = found[: args["limit"]]
    return answer(
        {"people": [person_out(one) for one in shown], "next": shown[-1].id if len(found) > len(shown) else None}
    )


@blp.put("/people/<int:user_id>/role")
@blp.arguments(RoleIn())
@blp.response(200, PersonOut)
@api_access("admin")
def give_role(given: dict[str, Any], user_id: int) -> Response:
    """Make somebody a viewer, an operator, an admin, or none of them. The last admin stays one."""
    role = "" if given["role"] == "none" else given["role"]
    services.give_role(services.known_id(user_id), role, by=me(), reason=given.get("reason"))
    return answer(person_out(queries.user_of(user_id)))


def person_out(user: User) -> dict[str, Any]:
    """A person as the API tells them."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": services.role_of(user) or "none",
        "created_at": user.created_at.isoformat(),
    }
