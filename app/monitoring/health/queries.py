"""Reading how the system is and was."""

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from app.clock import now
from app.db import reading
from app.web import settings
from jobs import engine_of
from jobs.console import Dependency
from jobs.metrics import alive

from .answers import Cell, Spell, availability, quantile_ms, spells, strip
from .models import HealthCheck, HealthPart

DAY = timedelta(days=1)
LISTED = 20
STOOD_ON = ("database", "redis", "mail", "disk", "migrations")
INTERVALS = 6
SELDOM = {"mail": timedelta(minutes=1)}
LOOKED_AT = 1_000
STARTED = time.monotonic()
ABOUT = "Logs activities; the energy they burn is worked out in the background, and no job is ever lost."


@dataclass(frozen=True, slots=True)
class Day:
    """A day of looks at the web."""

    cells: Sequence[Cell]
    looks: int
    failed: int
    available: str
    median_ms: float | None
    p95_ms: float | None


def parts() -> Sequence[HealthPart]:
    """Every part as it was looked at last, what is wrong first."""
    order = {"down": 0, "degraded": 1, "ok": 2}
    found = reading().scalars(select(HealthPart).execution_options(populate_existing=True)).all()
    return sorted(found, key=lambda one: (order.get(one.condition, 0), one.name))


def part_named(name: str) -> HealthPart | None:
    """One part, if anybody ever looked at it."""
    return reading().scalar(select(HealthPart).where(HealthPart.name == name).execution_options(populate_existing=True))


def last_check() -> HealthCheck | None:
    """The last look at the web."""
    return reading().scalar(select(HealthCheck).order_by(HealthCheck.at.desc()).limit(1))


def failed_in_a_row(most: int) -> int:
    """How many of the newest looks failed without one between that did not, counted no further than `most`."""
    newest = reading().scalars(select(HealthCheck.condition).order_by(HealthCheck.at.desc()).limit(most))
    count = 0
    for condition in newest:
        if condition != "down":
            break
        count += 1
    return count


def day() -> Day:
    """The last day."""
    at = now()
    query = select(HealthCheck.at, HealthCheck.condition, HealthCheck.latency_ms).where(HealthCheck.at > at - DAY)
    looks = [(row[0], row[1], row[2]) for row in reading().execute(query)]
    failed = sum(condition == "down" for _, condition, _ in looks)
    latencies_ms = [latency_ms for _, condition, latency_ms in looks if condition != "down"]
    cells = strip(looks, until=at)
    return Day(
        cells=cells,
        looks=len(looks),
        failed=failed,
        available=availability(len(looks), failed),
        median_ms=quantile_ms(latencies_ms, 0.5),
        p95_ms=quantile_ms(latencies_ms, 0.95),
    )


def troubles() -> list[Spell]:
    """What was wrong in the last week, the newest first."""
    query = select(HealthCheck.at, HealthCheck.condition, HealthCheck.words).where(
        HealthCheck.at > now() - 7 * DAY, HealthCheck.condition != "ok"
    )
    newest = reading().execute(query.order_by(HealthCheck.at.desc()).limit(LOOKED_AT))
    return spells((row[0], row[1], row[2]) for row in newest)[:LISTED]


def dependencies() -> list[Dependency]:
    """What this product stands on, for the console: as the scheduler saw it last. Nothing is asked for it now."""
    at, found = now(), {one.name: one for one in parts()}
    return [_dependency(found[name], at) for name in STOOD_ON if name in found]


def stale_after() -> timedelta:
    """After so long without a look nobody looks any more."""
    return timedelta(seconds=settings().health_interval_s * INTERVALS)


def _dependency(part: HealthPart, at: datetime) -> Dependency:
    silent, words = at - part.looked_at, part.words or "answers"
    if silent > stale_after() + SELDOM.get(part.name, timedelta(0)):
        words = f"{words}, {round(silent.total_seconds() / 60)} min ago"
    return Dependency(part.name.capitalize(), part.condition == "ok", words, part.took_ms / 1000)


def about() -> dict[str, Any]:
    """The system in numbers and versions, without its secrets."""
    engine, dialect = engine_of(), reading().get_bind().dialect
    roles = [one.role for one in alive(reading(), within_s=engine.lease_s)]
    return {
        "name": "Metronome",
        "description": ABOUT,
        "version": engine.version,
        "environment": settings().environment_name,
        "uptime_s": round(time.monotonic() - STARTED),
        "time": _moment(now()),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "database": {"kind": dialect.name, "version": _database_version(dialect.name)},
        "has_redis": settings().redis_url is not None,
        "sends_mail": settings().mail_url is not None,
        "queues": engine.queues,
        "kinds": len(engine.jobs),
        "workers": roles.count("worker"),
        "schedulers": roles.count("scheduler"),
    }


def _database_version(dialect: str) -> str:
    query = "SELECT sqlite_version()" if dialect == "sqlite" else "SHOW server_version"
    return str(reading().scalar(text(query))).split()[0]


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
