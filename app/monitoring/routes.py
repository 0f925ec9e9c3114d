"""What machines ask: does it live, can it serve, how is it doing."""

from flask import Blueprint, Response, current_app, request

from app.security import public
from app.web import settings
from jobs import engine_of

from . import queries
from .metrics import may_scrape, scrape
from .queries import Condition
from .services import known_numbers

bp = Blueprint("monitoring", __name__)

CLOSED = "Only from this machine, or with METRICS_TOKEN as a bearer token.\n"


@bp.get("/healthz")
@bp.get("/health/live", endpoint="live")
@public
def healthz() -> Response:
    """The process lives."""
    return _plain("ok")


@bp.get("/readyz")
@bp.get("/health/ready", endpoint="ready")
@public
def readyz() -> Response:
    """Whether it can serve, and what is not as it should be. Says no more than that to strangers."""
    found = queries.parts()
    lines = [
        f"{part.name}: {part.condition}{f' ({part.words})' if _may_know() and part.words else ''}" for part in found
    ]
    is_down = any(part.condition is Condition.DOWN for part in found)
    return _plain("\n".join(lines), status=503 if is_down else 200)


@bp.get("/metrics")
@public
def metrics() -> Response:
    """Everything for Prometheus."""
    if not _may_know():
        return _closed()
    engine_of().observer.flush()
    body, content_type = scrape(current_app.extensions["numbers_of_web"], request.headers.get("Accept"))
    return Response(body, content_type=content_type)


@bp.get("/metrics-json/")
@public
def metrics_json() -> Response | dict[str, float]:
    """The four numbers that sum it up."""
    if not _may_know():
        return _closed()
    found = known_numbers()
    return {
        "tasks_started": found.tasks_started,
        "tasks_completed": found.tasks_completed,
        "tasks_failed": found.tasks_failed,
        "total_calories": float(found.total_calories),
    }


def _may_know() -> bool:
    return may_scrape(
        settings(),
        address=request.remote_addr or "",
        host=request.host.rpartition(":")[0] if request.host.rstrip("0123456789").endswith(":") else request.host,
        authorization=request.headers.get("Authorization", ""),
    )


def _closed() -> Response:
    response = _plain(CLOSED.strip(), status=401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _plain(text: str, *, status: int = 200) -> Response:
    return Response(f"{text}\n", status=status, mimetype="text/plain")
