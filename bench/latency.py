"""Figure 3: from the submit to the number, by HTTP, at a steady rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bench.figures import Bound, Report, Row, ratio
from bench.load import Seen, request, submits
from bench.processes import Process
from bench.product import SUBMIT, Ada, Product
from bench.sizes import Sizes
from bench.stage import Room, Stage, going, hold

FIGURE = "3 latency"
P50, P99 = Bound(40, 20), Bound(150, 60)
Run = Callable[[], Seen]


def latency(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Submit → readable beside a bare Flask handler that sends a raw Dramatiq job with one UPDATE."""
    room = stage.room()
    room.make_peer_tables()
    product = Product(room)
    with whole_product(room, product.ada, sizes) as ours, _peer(room, sizes) as peer:
        rounds = [(ours(), peer()) for _ in range(sizes.rounds)]
    product.dispose()
    mine, theirs = [one for one, _ in rounds], [other for _, other in rounds]
    add_percentiles(report, stage, FIGURE, "Metronome", mine, bounds=(P50, P99))
    add_percentiles(report, stage, FIGURE, "Flask + Dramatiq + one UPDATE", theirs)
    report.add(
        ratio(
            Row(FIGURE, stage.kind, "Metronome p50", "ms", tuple(one.p50_ms for one in mine)),
            Row(FIGURE, stage.kind, "Flask + Dramatiq + one UPDATE p50", "ms", tuple(one.p50_ms for one in theirs)),
        )
    )


def add_percentiles(
    report: Report,
    stage: Stage,
    figure: str,
    who: str,
    rounds: list[Seen],
    *,
    bounds: tuple[Bound | None, Bound | None] = (None, None),
) -> None:
    """p50, p95 and p99 of submit → readable."""
    p50, p99 = bounds
    report.add(
        Row(figure, stage.kind, f"{who}: submit → readable, p50", "ms", tuple(one.p50_ms for one in rounds), p50),
        Row(figure, stage.kind, f"{who}: submit → readable, p95", "ms", tuple(one.p95_ms for one in rounds)),
        Row(figure, stage.kind, f"{who}: submit → readable, p99", "ms", tuple(one.p99_ms for one in rounds), p99),
    )


@contextmanager
def whole_product(room: Room, ada: Ada, sizes: Sizes) -> Iterator[Run]:
    """Web, workers and scheduler, held but for the runs."""
    post = request("POST", "/api/v1/activities", ada.as_program, SUBMIT)
    get = request("GET", "/api/v1/activities/{id}", ada.as_program)
    with ExitStack() as stack:
        workers, scheduler = stack.enter_context(room.workers()), stack.enter_context(room.scheduler())
        web = stack.enter_context(room.web())
        yield stack.enter_context(_held(room, web.port, post, get, sizes, [web.process, workers, scheduler]))


@contextmanager
def _peer(room: Room, sizes: Sizes) -> Iterator[Run]:
    post, get = request("POST", "/submits", body=SUBMIT), request("GET", "/rows/{id}")
    with ExitStack() as stack:
        workers = stack.enter_context(room.peer_workers("bench.peers.one_update"))
        web = stack.enter_context(room.peer_web())
        yield stack.enter_context(_held(room, web.port, post, get, sizes, [web.process, workers]))


@contextmanager
def _held(room: Room, port: int, post: bytes, get: bytes, sizes: Sizes, processes: list[Process]) -> Iterator[Run]:
    def run(seconds: float = sizes.submit_s) -> Seen:
        with going(room, *processes):
            return submits(port, post, get, rate=sizes.submit_rate, seconds=seconds).only(201)

    hold(room, *processes)
    run(sizes.warm_up_s)
    yield run
