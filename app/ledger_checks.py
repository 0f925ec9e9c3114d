"""What can be wrong with the database, Redis and the processes, found by asking them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import exists, select, text

from app import schema
from app.accounts.models import User
from app.clock import now
from app.config import ROOT
from app.db import reading
from app.machine_checks import weak, well, wrong
from app.monitoring import queries
from app.monitoring.queries import Condition, Part
from app.web import settings
from jobs import engine_of
from jobs.metrics import alive, clock_of, keeps_over_a_restart

MOST_SKEW_S = 5.0
OLDEST_POSTGRESQL = 130_000
PROCESSES_BESIDE_WORKERS = 2

REMEDIES = {
    "password authentication failed": "Correct the password in DATABASE_URL.",
    "no password supplied": "Put the password into DATABASE_URL.",
    'role "': "Make the role: CREATE ROLE … LOGIN PASSWORD '…'.",
    'database "': "Make the database: CREATE DATABASE … OWNER … ENCODING 'UTF8' TEMPLATE template0.",
    "could not translate host name": "Correct the host in DATABASE_URL.",
    "Connection refused": "Start PostgreSQL, or correct host and port in DATABASE_URL.",
    "too many clients": "Raise max_connections, or lower DB_POOL_SIZE.",
    "SSL": "Look at sslmode in DATABASE_URL and at the server's certificate.",
    "unable to open database file": "Look at the folder in DATABASE_URL: it must be there, and ours to write.",
    "not a database": "Put the backup in its place, or move it away to begin with an empty one.",
}
"""What to do, by a piece of what the driver says."""


def checks() -> Iterator[Part]:
    """Everything that can be asked; nothing more after something that nothing goes without."""
    for look in (database, migrations):
        part = look()
        yield part
        if part.condition is Condition.DOWN:
            if look is database:
                yield queries.redis_part()
            return
    looks: tuple[Callable[[], Part], ...] = (
        durability, server, connections, clock, redis, workers, versions, listeners, scheduler, machines, pauses, admin,
    )  # fmt: skip
    for look in looks:
        yield look()


def database() -> Part:
    """Whether it answers; if not, what to do about that very reason."""
    part = queries.database_part()
    if part.condition is Condition.OK:
        return part
    remedy = next((remedy for piece, remedy in REMEDIES.items() if piece in part.words), part.remedy)
    return Part(part.name, part.condition, part.words, remedy)


def migrations() -> Part:
    """Whether the tables are those of this code, older or newer ones."""
    part = queries.migrations_part()
    if part.condition is Condition.OK:
        return part
    has = _revisions()
    unknown = has - schema.revisions(ROOT / "migrations" / "versions").keys()
    if unknown:
        words = f"a newer version of the code has migrated the database to {', '.join(sorted(unknown))}"
        return wrong("migrations", words, "Start that version, or restore the backup from before it.")
    return Part(part.name, part.condition, part.words, "Run bin/migrate.")


def _revisions() -> set[str]:
    try:
        return schema.versions(settings().database_url)
    except schema.SchemaError:
        return set()


def durability() -> Part:
    """Whether the database keeps its promises through a power cut."""
    if _is_sqlite():
        mode = str(reading().scalar(text("PRAGMA journal_mode")))
        if mode != "wal":
            return weak("durability", f"journal_mode is {mode}", "Put DATA_DIR on a local disk.")
        return well("durability", "SQLite with a write-ahead log, synced at every commit")
    loose = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if _shown(name) == "off"]
    if loose:
        return weak("durability", f"{', '.join(loose)} is off", "Turn it on in postgresql.conf.")
    return well("durability", "PostgreSQL, synced at every commit")


def server() -> Part:
    """Whether the server is one that can hold what people write."""
    if _is_sqlite():
        return well("server", f"SQLite {reading().scalar(text('SELECT sqlite_version()'))}")
    version, found = _shown("server_version").split()[0], _shown("server_encoding")
    if int(_shown("server_version_num")) < OLDEST_POSTGRESQL:
        return wrong("server", f"PostgreSQL {version} is too old", "Use PostgreSQL 13 or newer.")
    if found != "UTF8":
        remedy = "Make it anew with ENCODING 'UTF8' TEMPLATE template0."
        return wrong("server", f"the database's encoding is {found}", remedy)
    return well("server", f"PostgreSQL {version}, {found}")


def connections() -> Part:
    """Whether the server lets all processes in when all of them are busy."""
    if _is_sqlite():
        return well("connections", "as many as there are threads")
    most = int(_shown("max_connections")) - int(_shown("superuser_reserved_connections"))
    config = settings()
    processes = max(config.workers, _count_of("worker")) + PROCESSES_BESIDE_WORKERS
    wanted = processes * 2 * config.db_pool_size
    if wanted > most:
        words = f"{processes} processes may want {wanted} connections, and PostgreSQL allows {most}"
        return weak("connections", words, "Raise max_connections, or lower WORKERS or DB_POOL_SIZE.")
    return well("connections", f"up to {wanted} of {most}")


def clock() -> Part:
    """Whether this machine and the database agree on the time."""
    skew_s = abs((clock_of(reading()) - now()).total_seconds())
    if skew_s > MOST_SKEW_S:
        words = f"this machine and the database differ by {skew_s:.0f} s"
        return weak("clock", words, "Let both keep network time. Jobs go by the database's clock.")
    return well("clock", f"{skew_s:.1f} s from the database's")


def redis() -> Part:
    """A command has no REDIS_URL where bin/run keeps a Redis of its own: then those who have one are asked."""
    if settings().redis_url is None:
        seen = [one.sees_redis for one in alive(reading(), within_s=engine_of().lease_s)]
        if seen and all(seen):
            return well("redis", "the private one; every process sees it")
    part = queries.redis_part()
    if part.condition is Condition.OK and keeps_over_a_restart(engine_of().broker) is False:
        return weak("redis", "it forgets everything when it restarts", "Set appendonly yes in redis.conf.")
    if "maxmemory-policy" in part.words:
        return weak("redis", part.words, "Set maxmemory-policy noeviction in redis.conf.")
    return part


def workers() -> Part:
    """Whether somebody works."""
    return queries.workers_part()


def versions() -> Part:
    """Whether all processes are of this build: one that was forgotten in a deploy does not know new kinds of job."""
    engine = engine_of()
    others = sorted({one.version for one in alive(reading(), within_s=engine.lease_s)} - {engine.version})
    if others:
        words = f"processes of version {', '.join(others)} are alive, and this is {engine.version}"
        return weak("versions", words, "Restart workers and scheduler with the new code.")
    return well("versions", engine.version)


def listeners() -> Part:
    """Whether every queue in which jobs wait has a worker that listens to it."""
    engine = engine_of()
    heard = {
        queue
        for one in alive(reading(), within_s=engine.lease_s)
        if one.role == "worker"
        for queue in one.queues.split(",")
    }
    looks = engine.inspector.queues()
    if not heard:
        return well("queues", "nobody listens at all")
    deaf = [one.name for one in looks if one.name not in heard and any(one.counts.values())]
    if deaf:
        words = f"jobs wait in {', '.join(deaf)}, to which no worker listens"
        return weak("queues", words, f"Start bin/worker --queues {' '.join(deaf)}, or bin/worker alone for all.")
    return well("queues", f"{len(looks)}, each with somebody who listens or without jobs")


def scheduler() -> Part:
    """Whether somebody keeps the timetable."""
    return queries.scheduler_part()


def machines() -> Part:
    """Whether machines that share the database share the key, and whether SQLite has them share a file."""
    hosts = sorted({one.name.partition(":")[0] for one in alive(reading(), within_s=engine_of().lease_s)})
    if len(hosts) < 2:
        return well("machines", "one")
    if _is_sqlite():
        return wrong("machines", f"{', '.join(hosts)} share a SQLite file", "Use PostgreSQL for several machines.")
    key = Path(settings().data_dir) / "secret_key"
    if key.exists() and key.read_text().strip() == settings().secret_key:
        words = f"{', '.join(hosts)} work together, and SECRET_KEY is in a file of this one"
        return weak(
            "machines", words, "Set the same SECRET_KEY on each, or people are signed out at every other click."
        )
    return well("machines", ", ".join(hosts))


def pauses() -> Part:
    """Whether something was paused and forgotten."""
    inspector = engine_of().inspector
    looks = [(one.name, one.lane) for one in inspector.queues()]
    looks += [(one.name, one.lane) for one in inspector.kinds()]
    found = [(name, lane) for name, lane in looks if lane.is_paused and lane.paused_until is None]
    if found:
        told = "; ".join(f"{name} by {lane.paused_by} ({lane.pause_reason or 'no reason'})" for name, lane in found)
        return weak("pauses", f"paused without an end: {told}", f"flask queues resume {found[0][0]}, when it is time.")
    return well("pauses", "none without an end")


def admin() -> Part:
    """Whether somebody can get into /ops."""
    if reading().scalar(select(exists().where(User.is_admin))):
        return well("admin", "there is one")
    return weak("admin", "there is none", "Run flask --app wsgi users setup-link.")


def _is_sqlite() -> bool:
    return bool(reading().get_bind().dialect.name == "sqlite")


def _shown(name: str) -> str:
    return str(reading().scalar(text(f"SHOW {name}")))


def _count_of(role: str) -> int:
    return sum(one.role == role for one in alive(reading(), within_s=engine_of().lease_s))
