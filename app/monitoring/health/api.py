"""The system described for programs."""

from flask import Response

from app.openapi import ApiBlueprint, answer
from app.security import api_access

from . import queries
from .schemas import AboutOut

blp = ApiBlueprint("about_api", __name__, url_prefix="/api/v1", description="What this is.")


@blp.get("/about")
@blp.response(200, AboutOut)
@api_access("read", "jobs")
def about() -> Response:
    """Describe the system: versions, platform, database, queues. No secrets."""
    return answer(queries.about())
