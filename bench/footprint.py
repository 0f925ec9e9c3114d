"""Figure 6: the memory of each process at its peak, and what all of them use while nothing happens."""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.client import HTTPConnection

from bench.figures import Bound, Report, Row
from bench.load import closed, request
from bench.processes import Process, Usage, cpu_s, usage_below
from bench.product import SUBMIT, Product
from bench.sizes import Sizes
from bench.stage import Room, Stage, answers, free_port

FIGURE = "6 footprint"
PEAK, IDLE = Bound(120, 90), Bound(5, 2)
PAGES = ("/", "/activities/", "/activities/new", "/ops/", "/ops/jobs", "/admin/", "/settings/", "/api/openapi.json")
ALL_DONE_WITHIN_S = 60
SETTLE_S = 5


def footprint(stage: Stage, report: Report, sizes: Sizes) -> None:
    """bin/run as people start it: at work with every page opened, then left alone."""
    rounds = [_round(stage, sizes) for _ in range(sizes.rounds)]
    names = sorted({name for peaks, _, _ in rounds for name in peaks})
    for name in names:
        report.add(_row(stage, f"peak memory, {name}", "MiB", [peaks.get(name, 0) for peaks, _, _ in rounds]))
    report.add(_row(stage, "peak memory, largest", "MiB", [max(peaks.values()) for peaks, _, _ in rounds], PEAK))
    if stage.postgres:
        report.add(_row(stage, "idle, PostgreSQL alone", "% of a core", [theirs for _, _, theirs in rounds]))
    idle = [ours + theirs for _, ours, theirs in rounds]
    report.add(_row(stage, "idle, all processes together", "% of a core", idle, IDLE))


def _round(stage: Stage, sizes: Sizes) -> tuple[Mapping[str, float], float, float]:
    """The peak of each program in MiB; the idle share in per cent of ours with Redis, and of PostgreSQL's."""
    room, port = stage.room(), free_port()
    env = room.env(PORT=port)
    del env["REDIS_URL"]
    with Process("bin/run", env=env, log=room.folder / "run.log") as run:
        run.wait_until(lambda: answers(port))
        _work(room, port, sizes)
        peaks: dict[str, float] = {}
        for one in usage_below(run.pid):
            peaks[_title(one)] = max(one.peak_mib, peaks.get(_title(one), 0))
        time.sleep(SETTLE_S)
        begin, ours, theirs = time.monotonic(), cpu_s(usage_below(run.pid)), _postgres_s(stage)
        time.sleep(sizes.idle_s)
        share = 100 / (time.monotonic() - begin)
        return peaks, (cpu_s(usage_below(run.pid)) - ours) * share, (_postgres_s(stage) - theirs) * share


def _work(room: Room, port: int, sizes: Sizes) -> None:
    product = Product(room)
    ada = product.ada
    closed(port, request("POST", "/api/v1/activities", ada.as_program, SUBMIT), clients=8, seconds=sizes.web_s).only(
        201
    )
    for path in PAGES:
        _open(port, path, ada.as_browser)
    closed(port, request("GET", "/activities/", ada.as_browser), clients=8, seconds=sizes.web_s).only(200)
    with room.database() as database, database.connect() as connection:
        deadline = time.monotonic() + ALL_DONE_WITHIN_S
        while connection.exec_driver_sql("SELECT 1 FROM activity WHERE energy_kcal IS NULL LIMIT 1").first():
            if time.monotonic() > deadline:
                raise RuntimeError(f"there are activities without energy after {ALL_DONE_WITHIN_S} s")
            time.sleep(0.2)
    product.dispose()


def _open(port: int, path: str, headers: Mapping[str, str]) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    if response.status >= 400:
        raise RuntimeError(f"{path} answered {response.status}")


def _postgres_s(stage: Stage) -> float:
    return cpu_s(usage_below(stage.postgres.pid)) if stage.postgres else 0.0


def _title(one: Usage) -> str:
    return {"app.server": "web", "app.scheduler": "scheduler", "dramatiq": "worker", "app.launcher": "supervisor"}.get(
        one.name, one.name
    )


def _row(stage: Stage, what: str, unit: str, values: list[float], bound: Bound | None = None) -> Row:
    return Row(FIGURE, stage.kind, what, unit, tuple(values), bound)
