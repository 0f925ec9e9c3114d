"""What a measurement stands on: a Redis and a database of its own, and the product's and the peers' processes."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Literal, get_args

import redis
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url

from bench.peers import rows
from bench.processes import ROOT, Process
from tests.servers import PostgresServer, RedisServer

Kind = Literal["sqlite", "postgresql"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PROCESSES = 2
THREADS = 4
PREFETCH = 200
"""Raw Dramatiq was quickest with these three, so it gets them."""
PEER_REDIS = 15
IN_TRANSACTION = sa.text(
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    " AND pid <> pg_backend_pid() AND (state LIKE 'idle in transaction%' OR state = 'active') LIMIT 1"
)


@dataclass
class Stage:
    """Servers that sync to disk as in earnest, and a folder for everything else."""

    kind: Kind
    redis: RedisServer
    postgres: PostgresServer | None
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)
    template: str | None = None

    def room(self) -> Room:
        """The product's database, new and migrated, with a Redis database and a DATA_DIR of its own."""
        number = next(self.numbers)
        folder = self.folder / f"room-{number}"
        folder.mkdir()
        url = self._new_database(number, self.template)
        room = Room(self, folder, url, f"{self.redis.url}?db={number % PEER_REDIS}")
        if self.template is None:
            _migrate(room)
            self.template = self._kept(url)
        return room

    def _new_database(self, number: int, template: str | None) -> str:
        if self.postgres:
            return self.postgres.create(f"room_{number}", template=template or "template0")
        path = self.folder / f"room-{number}" / "metronome.db"
        if template:
            shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    def _kept(self, url: str) -> str:
        """A copy of the first database, as it is when nobody has used it."""
        if self.postgres:
            return str(make_url(self.postgres.create("migrated", template=make_url(url).database or "")).database)
        path = self.folder / "migrated.db"
        shutil.copyfile(url.removeprefix("sqlite:///"), path)
        return str(path)


@dataclass(frozen=True, slots=True)
class Web:
    """A web server that answers on this machine."""

    process: Process
    port: int


@dataclass
class Room:
    """One database of the product and what runs on it."""

    stage: Stage
    folder: Path
    database_url: str
    redis_url: str

    def env(self, **settings: object) -> dict[str, str]:
        """The environment of a process in it; `settings` are the product's own names."""
        ours = {
            "DATA_DIR": self.folder,
            "DATABASE_URL": self.database_url.replace("+psycopg2", ""),
            "REDIS_URL": self.redis_url,
            "WORKERS": PROCESSES,
            "WORKER_THREADS": THREADS,
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG") if name in os.environ}
        return kept | {name: str(value) for name, value in {**ours, **settings}.items()}

    @contextmanager
    def workers(self, **settings: object) -> Iterator[Process]:
        """The product's workers, all of them up."""
        with Process("bin/worker", env=self.env(**settings), log=self.folder / "worker.log") as workers:
            with self.database() as database:
                workers.wait_until(lambda: _count(database, "job_worker", "role = 'worker'") == PROCESSES)
            yield workers

    @contextmanager
    def web(self, **settings: object) -> Iterator[Web]:
        """The product's web server, answering."""
        port = free_port()
        env = self.env(PORT=port, **settings)
        with Process("bin/web", env=env, log=self.folder / "web.log") as process:
            process.wait_until(lambda: answers(port))
            yield Web(process, port)

    @contextmanager
    def scheduler(self) -> Iterator[Process]:
        """The product's scheduler, ticking."""
        with Process("bin/scheduler", env=self.env(), log=self.folder / "scheduler.log") as scheduler:
            with self.database() as database:
                scheduler.wait_until(lambda: _count(database, "job_worker", "role = 'scheduler'") == 1)
            yield scheduler

    # -- the peers --------------------------------------------------------------------------------------------------

    def peer_env(self, **settings: object) -> dict[str, str]:
        """The environment of a peer's process: the same servers, and Dramatiq at its best."""
        return self.env(
            BENCH_REDIS_URL=self.peer_redis_url,
            BENCH_DATABASE_URL=self.database_url,
            dramatiq_queue_prefetch=PREFETCH,
            **settings,
        )

    @property
    def peer_redis_url(self) -> str:
        """A database of the same Redis that only the peers use."""
        return f"{self.stage.redis.url}?db={PEER_REDIS}"

    def peer_redis(self) -> redis.Redis:
        """A connection to it."""
        return redis.Redis.from_url(self.peer_redis_url)

    @contextmanager
    def peer_workers(self, module: str) -> Iterator[Process]:
        """A peer's workers, all of them up."""
        words = ["--processes", str(PROCESSES), "--threads", str(THREADS), "--skip-logging"]
        log = self.folder / f"{module}.log"
        client = self.peer_redis()
        client.flushdb()
        with Process(
            str(Path(sys.executable).with_name("dramatiq")), module, *words, env=self.peer_env(), log=log
        ) as workers:
            workers.wait_until(lambda: _heartbeats(client) >= PROCESSES)
            yield workers

    @contextmanager
    def peer_web(self) -> Iterator[Web]:
        """The bare Flask application, on the product's web server and its settings."""
        port = free_port()
        words = (python(), "-m", "bench.peers.bare_web")
        with Process(*words, env=self.peer_env(PORT=port), log=self.folder / "bare_web.log") as process:
            process.wait_until(lambda: answers(port))
            yield Web(process, port)

    def make_peer_tables(self) -> None:
        """The peers' own table, beside the product's."""
        with self.database() as database:
            rows.metadata.create_all(database)

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """A way to look into the database from outside; it never holds a transaction open."""
        engine = sa.create_engine(self.database_url, isolation_level="AUTOCOMMIT")
        try:
            yield engine
        finally:
            engine.dispose()

    def is_locked(self) -> bool:
        """Whether somebody is writing at this moment: held then, they would keep what they locked."""
        if self.stage.kind == "postgresql":
            with self.database() as database, database.connect() as connection:
                return connection.execute(IN_TRANSACTION).first() is not None
        engine = sa.create_engine(self.database_url, connect_args={"timeout": 0.2}, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.exec_driver_sql("ROLLBACK")
        except sa.exc.OperationalError:
            return True
        finally:
            engine.dispose()
        return False


@contextmanager
def stage(kind: Kind) -> Iterator[Stage]:
    """Servers for one kind of database; everything is gone afterwards."""
    postgres = PostgresServer() if kind == "postgresql" else None
    with RedisServer(durable=True) as server, postgres or nullcontext(), _folder() as folder:
        # As bin/run has it: on disk within a second. "always" would slow the peers down more than it does us.
        server.client().config_set("appendfsync", "everysec")
        try:
            yield Stage(kind, server, postgres, folder)
        except RuntimeError as error:
            error.add_note(_complaints(folder))
            raise


def _folder() -> AbstractContextManager[Path]:
    @contextmanager
    def made() -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="metronome-bench-", ignore_cleanup_errors=True) as name:
            yield Path(name)

    return made()


def hold(room: Room, *processes: Process) -> None:
    """Pause processes, but none that holds the database's lock at that moment."""
    _each(processes, Process.pause)
    while room.is_locked():
        _each(processes, Process.resume)
        time.sleep(0.01)
        _each(processes, Process.pause)


@contextmanager
def going(room: Room, *processes: Process) -> Iterator[None]:
    """Processes that are held before and after, and go on inside."""
    _each(processes, Process.resume)
    try:
        yield
    finally:
        hold(room, *processes)


def python() -> str:
    """The interpreter that has everything installed."""
    return sys.executable


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int, path: str = "/healthz") -> bool:
    """Whether a web server answers there, whatever it says."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status > 0
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _complaints(folder: Path) -> str:
    """What the processes logged last that was not ordinary."""
    lines = [line for log in sorted(folder.glob("*/*.log")) for line in log.read_text().splitlines()]
    return "\n".join([line[:1_000] for line in lines if '"level":"info"' not in line][-20:])


def _each(processes: Sequence[Process], what: Callable[[Process], None]) -> None:
    for process in processes:
        what(process)


def _migrate(room: Room) -> None:
    done = subprocess.run(["bin/migrate"], cwd=ROOT, env=room.env(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the database cannot be migrated:\n{done.stderr[-3_000:]}")


def _count(database: Engine, table: str, where: str) -> int:
    with database.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table} WHERE {where}").scalar_one())


def _heartbeats(client: redis.Redis) -> int:
    return int(client.zcard("dramatiq:__heartbeats__"))
