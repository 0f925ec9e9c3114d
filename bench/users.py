"""Figure 13: so many people at the same moment, each logging an activity every other second, and who works how much."""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench.figures import Report, Row
from bench.load import Seen, request, submits
from bench.processes import Process, cpu_s, usage_below
from bench.product import SUBMIT, Product
from bench.sizes import Sizes
from bench.stage import Stage

FIGURE = "13 users"
EVERY_S = 2.0


def users(stage: Stage, report: Report, sizes: Sizes) -> None:
    """10, 50, 100 and 500 people: how long until each sees the number, and how much of a core each program takes."""
    room = stage.room()
    product = Product(room)
    post = request("POST", "/api/v1/activities", product.ada.as_program, SUBMIT)
    get = request("GET", "/api/v1/activities/{id}", product.ada.as_program)
    with ExitStack() as stack:
        web = stack.enter_context(room.web())
        programs = {
            "web": web.process,
            "workers": stack.enter_context(room.workers()),
            "scheduler": stack.enter_context(room.scheduler()),
        }
        submits(web.port, post, get, rate=sizes.submit_rate, seconds=sizes.warm_up_s).only(201)
        for people in sizes.people:
            seen, shares = [], []
            for _ in range(sizes.rounds):
                before, began = _cpu_s(programs), time.monotonic()
                seen.append(submits(web.port, post, get, rate=people / EVERY_S, seconds=sizes.users_s).only(201))
                took_s = time.monotonic() - began
                shares.append({name: (used - before[name]) / took_s * 100 for name, used in _cpu_s(programs).items()})
            _tell(report, stage, people, seen, shares)
    product.dispose()


def _tell(report: Report, stage: Stage, people: int, seen: list[Seen], shares: list[dict[str, float]]) -> None:
    who = f"{people} people"
    told = {
        "p50": [one.p50_ms for one in seen],
        "p95": [one.p95_ms for one in seen],
        "p99": [one.p99_ms for one in seen],
    }
    for name, values in told.items():
        report.add(Row(FIGURE, stage.kind, f"{who}: submit → readable, {name}", "ms", tuple(values)))
    for name in shares[0]:
        used = tuple(one[name] for one in shares)
        report.add(Row(FIGURE, stage.kind, f"{who}: {name}", "% of a core", used))


def _cpu_s(programs: dict[str, Process]) -> dict[str, float]:
    return {name: cpu_s(usage_below(process.pid)) for name, process in programs.items()}
