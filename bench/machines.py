"""Figure 14: the same work by one machine and by two, each a network namespace with an address of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from bench.engine import Alone
from bench.figures import Report, Row, ratio
from bench.processes import Process
from bench.sizes import Sizes
from bench.stage import Stage, free_port, hold

BRIDGE, NET, HERE = "metronome0", "10.213.7", 1
NAMES = ("metronome-a", "metronome-b")


def machines(stage: Stage, report: Report, sizes: Sizes) -> None:
    """PostgreSQL and Redis over TCP, a worker process on one machine or on both. Only root can make networks."""
    if not stage.postgres:
        return
    if os.geteuid() != 0:
        raise RuntimeError("only root can make network namespaces")
    with _network() as names:
        alone = Alone(stage.room())
        env = _opened(stage, alone)
        rates: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(sizes.rounds):
            for count, found in rates.items():
                with ExitStack() as stack:
                    started = [stack.enter_context(_worker(alone, name, env)) for name in names[:count]]
                    stack.enter_context(alone.scheduler())
                    alone.wait_for_workers(count)
                    alone.submit(alone.nothings(sizes.warm_up))
                    alone.drained(*started)
                    alone.submit(alone.nothings(sizes.jobs))
                    found.append(sizes.jobs / alone.drained(*started))
                    hold(alone.room, *started)
    one, two = (
        Row("14 machines", stage.kind, f"{count} × 1 process", "jobs/s", tuple(rates[count])) for count in rates
    )
    report.add(one, two, ratio(two, one, what="two machines / one"))


def _opened(stage: Stage, alone: Alone) -> dict[str, str]:
    """Have the servers listen on the bridge, which nobody else is on; the environment of who comes from there."""
    assert stage.postgres
    alone.engine.host.close()  # type: ignore[attr-defined]
    stage.postgres.settings = {**stage.postgres.settings, "listen_addresses": f"{NET}.{HERE}"}
    with Path(stage.postgres.data, "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {NET}.0/24 trust\n")
    stage.postgres.stop()
    stage.postgres.start()
    port = free_port()
    for name, value in (("protected-mode", "no"), ("bind", f"{NET}.{HERE}"), ("port", str(port))):
        stage.redis.client().config_set(name, value)
    url = make_url(alone.room.database_url)
    number = alone.room.redis_url.rpartition("=")[2]
    return alone.room.env() | {
        "DATABASE_URL": f"postgresql+psycopg2://{url.username}@{NET}.{HERE}/{url.database}",
        "REDIS_URL": f"redis://{NET}.{HERE}:{port}/{number}",
    }


@contextmanager
def _worker(alone: Alone, machine: str, env: dict[str, str]) -> Iterator[Process]:
    with alone.worker_process(1, before=("ip", "netns", "exec", machine), env=env) as started:
        yield started


@contextmanager
def _network() -> Iterator[tuple[str, ...]]:
    """Two namespaces on a bridge of their own; gone afterwards."""
    _gone()
    try:
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{NET}.{HERE}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(NAMES, HERE + 1):
            _ip("netns", "add", name)
            _ip("link", "add", f"metro{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"metro{number}", "master", BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
        yield NAMES
    finally:
        _gone()


def _gone() -> None:
    for name in NAMES:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
