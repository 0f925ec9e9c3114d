"""Whether the parts that this product stands on are there."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import schema
from app.config import ROOT
from app.db import reading
from app.web import settings
from jobs import engine_of
from jobs.metrics import alive, trouble_with_redis


class Condition(StrEnum):
    """How a part is. Only what is down keeps the product from serving."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Part:
    """One part the product stands on: how it is, in words, and what would mend it."""

    name: str
    condition: Condition
    words: str = ""
    remedy: str = ""


def parts() -> list[Part]:
    """Every part, those first that nothing goes without."""
    database = database_part()
    if database.condition is Condition.DOWN:
        return [database, redis_part()]
    return [database, migrations_part(), redis_part(), workers_part(), scheduler_part()]


def database_part() -> Part:
    """The database."""
    try:
        reading().execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or error).strip().splitlines()
        return Part("database", Condition.DOWN, why[0] if why else type(error).__name__, "Start it; see DATABASE_URL.")
    return Part("database", Condition.OK)


def migrations_part() -> Part:
    """Whether the tables are those this code expects."""
    try:
        has = set(reading().scalars(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError:
        reading().rollback()
        has = set()
    if has == newest_migrations():
        return Part("migrations", Condition.OK)
    if newer := has - known_migrations():
        words = f"the database is at {', '.join(sorted(newer))}, which is newer than this code"
        return Part("migrations", Condition.DEGRADED, words, "Finish the rollout, or stay: what is new is only added.")
    words = f"the database is at {', '.join(sorted(has)) or 'nothing'}, not at {', '.join(sorted(newest_migrations()))}"
    return Part("migrations", Condition.DOWN, words, "Run bin/migrate, or start the code that belongs to the database.")


def redis_part() -> Part:
    """Redis: without it everything goes on, a second later."""
    trouble = trouble_with_redis(engine_of().broker) if settings().redis_url else "none is set"
    if trouble is None:
        return Part("redis", Condition.OK)
    return Part("redis", Condition.DEGRADED, trouble, "Start it, or set REDIS_URL; nothing is lost meanwhile.")


def workers_part() -> Part:
    """The workers: without them everything is written down, and waits."""
    return _role_part("worker", "workers", "bin/worker")


def scheduler_part() -> Part:
    """The scheduler: without it retries and rescues wait."""
    return _role_part("scheduler", "scheduler", "bin/scheduler")


def _role_part(role: str, name: str, command: str) -> Part:
    count = sum(one.role == role for one in alive(reading(), within_s=engine_of().lease_s))
    if count:
        return Part(name, Condition.OK, f"{count} alive")
    return Part(name, Condition.DEGRADED, "none alive", f"Start {command}.")


@cache
def newest_migrations() -> frozenset[str]:
    """The migrations of this code that no other one follows."""
    return frozenset(schema.heads(schema.revisions(ROOT / "migrations" / "versions")))


@cache
def known_migrations() -> frozenset[str]:
    """All migrations of this code."""
    return frozenset(schema.revisions(ROOT / "migrations" / "versions"))
