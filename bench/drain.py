"""Figures 1 and 2: how quickly work that waits is done, in batches and one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from bench.figures import Bound, Report, Row, ratio
from bench.peers import sending
from bench.peers.rows import connect, rows
from bench.processes import Process
from bench.product import Product, argument
from bench.sizes import Sizes
from bench.stage import Room, Stage, hold

LOOK_EVERY_S = 0.004
WITHIN_S = 300.0
ALL_DONE = "SELECT 1 FROM activity WHERE energy_kcal IS NULL LIMIT 1"


def drain(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 1: the batched calculation beside a raw Dramatiq actor."""
    _against(stage, report, sizes, "1 drain", _Raw, Bound(1.3, 2.5, at_least=True))


def one_at_a_time(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 2: batches of one beside Dramatiq with one UPDATE a job."""
    _against(stage, report, sizes, "2 one by one", _OneUpdate, Bound(1.0, 2.0, at_least=True), ACTIVITY_BATCH_SIZE=1)


@dataclass
class Ours:
    """The product's workers and scheduler on one room, held until there is work."""

    room: Room
    product: Product
    processes: tuple[Process, ...]

    def run(self, count: int) -> float:
        """Activities a second: from the moment the workers may go on until every energy is committed."""
        hold(self.room, *self.processes)
        self.product.write_down(count)
        with self.room.database() as database, database.connect() as connection:
            query = sa.text(ALL_DONE)
            seconds = _timed(self.processes, lambda: connection.execute(query).first() is None)
        self.product.check()
        hold(self.room, *self.processes)
        return count / seconds


@contextmanager
def ours(room: Room, product: Product, *, warm_up: int, **settings: object) -> Iterator[Ours]:
    """Workers that have already run something, and the scheduler, held."""
    with room.workers(**settings) as workers, room.scheduler() as scheduler:
        runner = Ours(room, product, (workers, scheduler))
        runner.run(warm_up)
        yield runner


@dataclass
class _Raw:
    """A raw Dramatiq actor's workers, held until there is work."""

    room: Room
    workers: Process
    name: str = "raw Dramatiq"
    module: str = "bench.peers.raw"
    numbers: list[int] = field(default_factory=list)

    def prepare(self, count: int) -> None:
        """What the work needs to find."""
        self.numbers = list(range(count))

    def run(self, count: int) -> float:
        """Messages a second: from the moment the workers may go on until the last one is acknowledged."""
        client = self.room.peer_redis()
        hold(self.room, self.workers)
        self.prepare(count)
        sending.send(self.room.peer_redis_url, [{"activity_id": one, **argument(one)} for one in self.numbers])
        seconds = _timed((self.workers,), lambda: client.hlen(sending.MESSAGES) == 0)
        self.check()
        hold(self.room, self.workers)
        return count / seconds

    def check(self) -> None:
        """That the work was done."""


@dataclass
class _OneUpdate(_Raw):
    """Dramatiq with one SQLAlchemy UPDATE a job."""

    name: str = "Dramatiq + one UPDATE"
    module: str = "bench.peers.one_update"

    def prepare(self, count: int) -> None:
        database = connect(self.room.database_url)
        with database.begin() as connection:
            first = connection.execute(sa.select(sa.func.coalesce(sa.func.max(rows.c.id), 0))).scalar_one() + 1
            self.numbers = list(range(first, first + count))
            new = [{"id": one, "kind": "running", "notes": "", **argument(one)} for one in self.numbers]
            connection.execute(sa.insert(rows), new)
        database.dispose()

    def check(self) -> None:
        database = connect(self.room.database_url)
        with database.connect() as connection:
            left = connection.execute(sa.select(sa.func.count()).where(rows.c.energy_kcal.is_(None))).scalar_one()
        database.dispose()
        if left:
            raise RuntimeError(f"{left} rows of the peer have no energy")


def _against(
    stage: Stage, report: Report, sizes: Sizes, figure: str, peer: type[_Raw], bound: Bound, **settings: object
) -> None:
    room = stage.room()
    room.make_peer_tables()
    product = Product(room)
    our_rates, peer_rates = [], []
    with (
        ours(room, product, warm_up=sizes.warm_up, **settings) as us,
        room.peer_workers(peer.module) as workers,
    ):
        them = peer(room, workers)
        them.run(sizes.warm_up)
        for _ in range(sizes.rounds):
            our_rates.append(us.run(sizes.jobs))
            peer_rates.append(them.run(sizes.jobs))
    product.dispose()
    mine = Row(figure, stage.kind, "Metronome", "jobs/s", tuple(our_rates))
    theirs = Row(figure, stage.kind, peer.name, "jobs/s", tuple(peer_rates))
    report.add(mine, theirs, ratio(mine, theirs, bound))


def _timed(processes: Sequence[Process], is_done: Callable[[], bool]) -> float:
    begin = time.perf_counter()
    for process in processes:
        process.resume()
    while not is_done():
        if time.perf_counter() - begin > WITHIN_S:
            raise RuntimeError(f"the work is not done after {WITHIN_S:g} s")
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - begin
