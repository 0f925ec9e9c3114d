"""What chose the web server: whether it still answers others while hundreds of slow sockets are open."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from bench.figures import Report, Row
from bench.load import Seen, closed, request
from bench.processes import Process
from bench.sizes import Sizes
from bench.stage import Room, Stage, Web, answers, free_port, python

FIGURE = "web servers"
PROBES = 4
THREADS = 8


def web_servers(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Four probes of /healthz, with and without slow sockets: bin/web, and gunicorn's threads where it is installed."""
    room = stage.room()
    with room.web() as web:
        _measure("waitress", web, room, report, sizes)
    if importlib.util.find_spec("gunicorn") is None:
        report.say("gunicorn is not installed, so it is left out")
        return
    with _gunicorn(room) as web:
        _measure("gunicorn gthread", web, room, report, sizes)


def _measure(name: str, web: Web, room: Room, report: Report, sizes: Sizes) -> None:
    calm, busy = [], []
    for _ in range(sizes.rounds):
        calm.append(_probe(web, sizes))
        with _slow_sockets(web, room, sizes):
            busy.append(_probe(web, sizes))
    slow = f"{sizes.slow_sockets} slow sockets"
    for what, rounds in (("alone", calm), (slow, busy)):
        report.add(Row(FIGURE, room.stage.kind, f"{name}, {what}", "answers/s", tuple(one.per_s for one in rounds)))
        if all(one.per_s for one in rounds):
            p99 = tuple(one.p99_ms for one in rounds)
            report.add(Row(FIGURE, room.stage.kind, f"{name}, {what}, p99", "ms", p99))


def _probe(web: Web, sizes: Sizes) -> Seen:
    return closed(web.port, request("GET", "/healthz"), clients=PROBES, seconds=sizes.web_s)


@contextmanager
def _slow_sockets(web: Web, room: Room, sizes: Sizes) -> Iterator[None]:
    words = (python(), "-m", "bench.slow", str(web.port), str(sizes.slow_sockets))
    log = room.folder / "slow.log"
    log.unlink(missing_ok=True)
    with Process(*words, env=room.env(), log=log) as process:
        process.wait_until(lambda: "open" in log.read_text())
        yield


@contextmanager
def _gunicorn(room: Room) -> Iterator[Web]:
    port = free_port()
    words = (python(), "-m", "gunicorn", "--worker-class", "gthread", "--threads", str(THREADS), "--bind")
    with Process(*words, f"127.0.0.1:{port}", "wsgi:app", env=room.env(), log=room.folder / "gunicorn.log") as process:
        process.wait_until(lambda: answers(port))
        yield Web(process, port)
