"""The installation under /api/v1."""

from dataclasses import asdict

from flask import Response

from app.monitoring.queries import newest_migrations
from app.openapi import ApiBlueprint, answer
from app.security import api_access, me
from app.web import settings

from . import queries, services
from .schemas import MailTestOut, SystemOut

blp = ApiBlueprint("system_api", __name__, url_prefix="/api/v1/system", description="What runs here, on what.")


@blp.get("")
@blp.response(200, SystemOut)
@api_access("admin")
def show() -> Response:
    """Tell versions, processes, storage, how long things are kept, and what is on."""
    free, total = queries.disk()
    processes = [{"name": one.name, "role": one.role, "version": one.version or ""} for one in queries.processes()]
    return answer(
        {
            "versions": dict(queries.versions()),
            "processes": processes,
            "migrations": sorted(newest_migrations()),
            "sizes": [asdict(one) for one in queries.sizes()],
            "disk": {"free_bytes": free, "total_bytes": total},
            "kept": dict(queries.kept()),
            "switches": {name: is_on for _, is_on, name in queries.switches()},
            "redis": queries.redis_kind(settings()),
            "mail": queries.mail_kind(settings()),
        }
    )


@blp.post("/mail-tests")
@blp.response(200, MailTestOut)
@api_access("admin")
def test_mail() -> Response:
    """Send a test mail to whoever asks, and tell what happened."""
    went, told = services.send_test_mail(me())
    return answer({"went": went, "told": told})
