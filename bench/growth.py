"""Figure 5: whether a past of 1,000,000 jobs and 200,000 activities makes anything slower."""

from __future__ import annotations

import time

from bench.drain import ours
from bench.figures import Bound, Report, Row, ratio
from bench.latency import whole_product
from bench.load import Seen, closed, request
from bench.product import Ada, Product
from bench.sizes import Sizes
from bench.stage import Room, Stage, Web

FIGURE = "5 growth"
SLOWER = Bound(1.2, 1.05)
PAGE = Bound(100, 50)
PAGES = {"first page of activities": "/activities/", "/ops": "/ops/", "first page of jobs": "/ops/jobs"}


def growth(stage: Stage, report: Report, sizes: Sizes) -> None:
    """The drain, the latency and the first pages, on an empty database and on a grown one by turns."""
    small, grown = stage.room(), stage.room()
    young, old = Product(small), Product(grown)
    begin = time.monotonic()
    old.fill(activities=sizes.activities, settled=sizes.settled)
    old.count_history()
    tidy(grown)
    report.say(f"filled in {time.monotonic() - begin:.0f} s")
    _drain(stage, report, sizes, (small, young), (grown, old))
    _latency(stage, report, sizes, (small, young), (grown, old))
    with grown.web() as web:
        for what, path in PAGES.items():
            rounds = [_page(web, old.ada, path, sizes) for _ in range(sizes.rounds)]
            report.add(Row(FIGURE, stage.kind, f"{what}, p95", "ms", tuple(one.p95_ms for one in rounds), PAGE))
    young.dispose()
    old.dispose()


def _drain(stage: Stage, report: Report, sizes: Sizes, empty: tuple[Room, Product], full: tuple[Room, Product]) -> None:
    with ours(*empty, warm_up=sizes.warm_up) as young, ours(*full, warm_up=sizes.warm_up) as old:
        rates = [(young.run(sizes.jobs), old.run(sizes.jobs)) for _ in range(sizes.rounds)]
    before = Row(FIGURE, stage.kind, "drain, empty", "jobs/s", tuple(one for one, _ in rates))
    after = Row(FIGURE, stage.kind, "drain, grown", "jobs/s", tuple(other for _, other in rates))
    report.add(before, after, ratio(before, after, SLOWER, what="drain: times slower"))


def _latency(
    stage: Stage, report: Report, sizes: Sizes, empty: tuple[Room, Product], full: tuple[Room, Product]
) -> None:
    with (
        whole_product(empty[0], empty[1].ada, sizes) as young,
        whole_product(full[0], full[1].ada, sizes) as old,
    ):
        rounds = [(young(), old()) for _ in range(sizes.rounds)]
    for name in ("p50", "p99"):
        before = _latencies(stage, f"submit → readable, empty, {name}", [one for one, _ in rounds], name)
        after = _latencies(stage, f"submit → readable, grown, {name}", [other for _, other in rounds], name)
        report.add(before, after, ratio(after, before, SLOWER, what=f"submit → readable, {name}: times slower"))


def _latencies(stage: Stage, what: str, seen: list[Seen], name: str) -> Row:
    return Row(FIGURE, stage.kind, what, "ms", tuple(float(getattr(one, f"{name}_ms")) for one in seen))


def _page(web: Web, ada: Ada, path: str, sizes: Sizes) -> Seen:
    return closed(web.port, request("GET", path, ada.as_browser), clients=1, seconds=sizes.web_s).only(200)


def tidy(room: Room) -> None:
    """What autovacuum and the checkpointer do by themselves, sooner or later."""
    with room.database() as database, database.connect() as connection:
        if room.stage.kind == "postgresql":
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")
        else:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
            connection.exec_driver_sql("ANALYZE")
