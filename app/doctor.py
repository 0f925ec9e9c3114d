"""What was chosen, what is reachable, what is wrong and how to mend it."""

import shutil
from collections.abc import Callable, Iterator

import click
from flask.cli import with_appcontext
from sqlalchemy import exists, select, text
from sqlalchemy.engine import make_url

from app.accounts.models import User
from app.clock import now
from app.config import Config
from app.db import reading
from app.monitoring import queries
from app.monitoring.queries import Condition, Part
from app.web import settings
from jobs import engine_of
from jobs.metrics import alive, clock_of

LEAST_FREE_BYTES = 500_000_000
MOST_SKEW_S = 5.0
OPEN_TO_OTHERS = 0o077
MARKS = {Condition.OK: "ok   ", Condition.DEGRADED: "weak ", Condition.DOWN: "WRONG"}


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Say what was chosen, what is reachable, and how to mend what is not. Exit code 1 when something is wrong."""
    config = settings()
    click.echo("\n".join(f"{name:12} {value}" for name, value in choices(config)))
    click.echo()
    parts = list(examine(config))
    for part in parts:
        click.echo(f"{MARKS[part.condition]}  {part.name}{f': {part.words}' if part.words else ''}")
        if part.condition is not Condition.OK:
            click.echo(f"       {part.remedy}")
    raise SystemExit(any(part.condition is not Condition.OK for part in parts))


def choices(config: Config) -> Iterator[tuple[str, str]]:
    """What this installation runs on, without its secrets."""
    yield "database", _without_password(config.database_url)
    yield "redis", _without_password(config.redis_url) if config.redis_url else "none is set"
    yield "data", str(config.data_dir)
    yield "address", config.public_url or f"http://{config.host}:{config.port}"
    yield "metrics", "with METRICS_TOKEN" if config.metrics_token else "from this machine only"


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def examine(config: Config) -> Iterator[Part]:
    """Everything that can be looked at; without a database, what does not need it."""
    yield _data_dir(config)
    database = queries.database_part()
    yield database
    if database.condition is Condition.DOWN:
        yield queries.redis_part()
        return
    migrations = queries.migrations_part()
    yield migrations
    if migrations.condition is Condition.DOWN:
        return
    looks: tuple[Callable[[], Part], ...] = (
        _redis, queries.workers_part, queries.scheduler_part, _clock, _durability, _admin,
    )  # fmt: skip
    for look in looks:
        yield look()


def _data_dir(config: Config) -> Part:
    free = shutil.disk_usage(config.data_dir).free
    words = f"{config.data_dir}, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE_BYTES:
        return Part("data", Condition.DEGRADED, words, "Make room: a full disk stops everything that writes.")
    key = config.data_dir / "secret_key"
    if key.exists() and key.stat().st_mode & OPEN_TO_OTHERS:
        return Part("data", Condition.DEGRADED, f"others can read {key}", f"Run chmod 600 {key}.")
    return Part("data", Condition.OK, words)


def _redis() -> Part:
    """A command has no REDIS_URL where bin/run keeps a Redis of its own: then those who have one are asked."""
    if settings().redis_url is None:
        seen = [one.sees_redis for one in alive(reading(), within_s=engine_of().lease_s)]
        if seen and all(seen):
            return Part("redis", Condition.OK, "the private one; every process sees it")
    return queries.redis_part()


def _clock() -> Part:
    skew_s = abs((clock_of(reading()) - now()).total_seconds())
    if skew_s > MOST_SKEW_S:
        words = f"this machine and the database differ by {skew_s:.0f} s"
        return Part("clock", Condition.DEGRADED, words, "Let both keep network time. Jobs go by the database's clock.")
    return Part("clock", Condition.OK, f"{skew_s:.1f} s from the database's")


def _durability() -> Part:
    """Whether the database keeps its promises through a power cut."""
    if reading().get_bind().dialect.name == "sqlite":
        mode = str(reading().scalar(text("PRAGMA journal_mode")))
        if mode != "wal":
            return Part("durability", Condition.DEGRADED, f"journal_mode is {mode}", "Put DATA_DIR on a local disk.")
        return Part("durability", Condition.OK, "SQLite with a write-ahead log, synced at every commit")
    loose = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if _is_off(name)]
    if loose:
        return Part("durability", Condition.DEGRADED, f"{', '.join(loose)} is off", "Turn it on in postgresql.conf.")
    version = str(reading().scalar(text("SHOW server_version"))).split()[0]
    return Part("durability", Condition.OK, f"PostgreSQL {version}, synced at every commit")


def _is_off(name: str) -> bool:
    return str(reading().scalar(text(f"SHOW {name}"))) == "off"


def _admin() -> Part:
    if reading().scalar(select(exists().where(User.is_admin))):
        return Part("admin", Condition.OK, "there is one")
    return Part("admin", Condition.DEGRADED, "there is none", "Run flask --app wsgi users setup-link.")
