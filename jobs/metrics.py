"""The engine as Prometheus numbers: what a process did, and how the ledger stands."""

import os
import threading
import time
from bisect import bisect_left
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from .dispatch.board import KEEPS_ALL, Board, eviction_policy, keeps_over_a_restart, trouble_with_redis
from .engine import Engine
from .ledger import census, reader
from .ledger.states import LIVE, State
from .ledger.totals import Count, Totals, mark, totals
from .observer import NOBODY_KNOWN, Asked, Observer
from .schedules import shelf

__all__ = [
    "KEEPS_ALL",
    "NOBODY_KNOWN",
    "Asked",
    "Board",
    "Count",
    "LedgerNumbers",
    "Observer",
    "PrometheusObserver",
    "Totals",
    "alive",
    "clock_of",
    "eviction_policy",
    "keeps_over_a_restart",
    "lost",
    "mark",
    "totals",
    "trouble_with_redis",
]

SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
KEPT_S = 5.0
ADD_EVERY_S = 0.5
OF_KIND = ("queue", "kind")
ROLES = ("worker", "scheduler")

Values = Mapping[tuple[str, ...], float]
"""Numbers by the values of their labels."""

alive = census.alive
lost = census.lost
clock_of = reader.now


class Ended(NamedTuple):
    """One attempt each of some jobs that ended alike."""

    queue: str
    kind: str
    outcome: str
    is_final: bool
    waits_s: Sequence[float]
    run_s: float


class Times(Histogram):
    """A histogram that takes many observations at the price of a few."""

    def observe_all(self, amounts_s: Sequence[float]) -> None:
        """Observe each of these."""
        self._sum.inc(sum(amounts_s))
        for place, count in Tally(bisect_left(self._upper_bounds, one) for one in amounts_s).items():
            self._buckets[place].inc(count)


class PrometheusObserver(Observer):
    """Counts what this process does. In a folder named by PROMETHEUS_MULTIPROC_DIR, all processes count together.

    What threads tell is only noted; a thread of its own adds it up twice a second, so that a job costs a microsecond.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._enqueued = self._counter("jobs_enqueued_total", "Jobs written down.", *OF_KIND)
        self._finished = self._counter("jobs_finished_total", "Jobs that ended for good.", *OF_KIND, "outcome")
        self._attempts = self._counter("job_attempts_total", "Tries of jobs that ended.", *OF_KIND, "outcome")
        self._expired = self._counter("leases_expired_total", "Jobs taken back from silent workers.")
        self._superseded = self._counter("jobs_superseded_total", "Tries that ended when their job was another's.")
        self._missed = self._counter("schedule_missed_total", "Slots of schedules that came too late and make no job.")
        self._waits = self._times("job_wait_seconds", "From ready to claimed.", *OF_KIND)
        self._runs = self._times("job_run_seconds", "From claimed to settled.", *OF_KIND)
        self._sweeps = self._times("sweep_seconds", "How long the sweeps of the scheduler take.", "sweep")
        self._heard: deque[Ended | tuple[str, str, int]] = deque()
        self._has_heard = threading.Event()
        self._adding = threading.Lock()
        self._pid = 0

    def enqueued(self, queue: str, kind: str, count: int, asked: Asked = NOBODY_KNOWN) -> None:
        """Count jobs that were written down."""
        self._hear((queue, kind, count))

    def ended(
        self,
        queue: str,
        kind: str,
        outcome: str,
        *,
        waits_s: Sequence[float],
        run_s: float,
        is_final: bool,
        asked: Asked = NOBODY_KNOWN,
    ) -> None:
        """Count attempts, and jobs that ended with them."""
        self._hear(Ended(queue, kind, outcome, is_final, waits_s, run_s))

    def superseded(self, count: int) -> None:
        """Count attempts that came too late."""
        with _nobody_harmed():
            self._superseded.inc(count)

    def rescued(self, queue: str, kind: str, *, is_parked: bool, asked: Asked = NOBODY_KNOWN) -> None:
        """Count a lease that ran out."""
        with _nobody_harmed():
            self._expired.inc()
            self._attempts.labels(queue, kind, "lost").inc()
            if is_parked:
                self._finished.labels(queue, kind, State.PARKED).inc()

    def missed(self, count: int) -> None:
        """Count slots that came too late."""
        with _nobody_harmed():
            self._missed.inc(count)

    def swept(self, sweep: str, seconds: float) -> None:
        """Take the time of a sweep."""
        with _nobody_harmed():
            self._sweeps.labels(sweep).observe(seconds)

    def flush(self) -> None:
        """Add up what was heard so far."""
        with self._adding:
            heard = [self._heard.popleft() for _ in range(len(self._heard))]
            alike: dict[tuple[str, str, str, bool], list[Ended]] = {}
            for one in heard:
                if isinstance(one, Ended):
                    alike.setdefault(one[:4], []).append(one)
                else:
                    queue, kind, count = one
                    with _nobody_harmed():
                        self._enqueued.labels(queue, kind).inc(count)
            for group in alike.values():
                with _nobody_harmed():
                    self._add(group)

    def _add(self, group: Sequence[Ended]) -> None:
        queue, kind, outcome, is_final = group[0][:4]
        waits_s = [max(0.0, wait_s) for one in group for wait_s in one.waits_s]
        self._attempts.labels(queue, kind, outcome).inc(len(waits_s))
        if is_final:
            end = State.SUCCEEDED if outcome == State.SUCCEEDED else State.DEAD
            self._finished.labels(queue, kind, end).inc(len(waits_s))
        self._waits.labels(queue, kind).observe_all(waits_s)
        self._runs.labels(queue, kind).observe_all([one.run_s for one in group for _ in one.waits_s])

    def _hear(self, what: Ended | tuple[str, str, int]) -> None:
        self._heard.append(what)
        if self._pid != os.getpid():
            self._pid = os.getpid()
            threading.Thread(target=self._keep_adding, name="jobs-metrics", daemon=True).start()
        if not self._has_heard.is_set():
            self._has_heard.set()

    def _keep_adding(self) -> None:
        while self._has_heard.wait():
            time.sleep(ADD_EVERY_S)
            self._has_heard.clear()
            self.flush()

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _times(self, name: str, what: str, *labels: str) -> Times:
        return Times(name, what, labels, buckets=SECONDS, registry=self.registry)


def _nobody_harmed() -> suppress:
    """A full disk must not stop a job from being settled, only from being counted."""
    return suppress(OSError, ValueError)


class LedgerNumbers(Collector):
    """How the ledger stands, asked by SQL when scraped and kept for five seconds.

    `settled` says how many jobs ended in which state; it knows a cheaper way than to count them. `invariants`, when
    there is somebody who checks them, says which of the engine's promises hold, by name.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        settled: Callable[[], Mapping[str, int]],
        invariants: Callable[[], Mapping[str, bool]] = dict,
    ) -> None:
        self._engine = engine
        self._settled, self._invariants = settled, invariants
        self._kept: list[Metric] = []
        self._kept_until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The numbers; while the database is away only that it is."""
        if time.monotonic() >= self._kept_until:
            try:
                with self._engine.host.inside():
                    self._kept = [_up(1), *self._gauges(self._engine.host.reading())]
            except SQLAlchemyError:
                self._kept = [_up(0)]
            self._kept_until = time.monotonic() + KEPT_S
        yield from self._kept

    def _gauges(self, session: Session) -> Iterator[Metric]:
        counts = census.live_counts(session)
        queues = sorted({*self._engine.queues, *(queue for queue, _ in counts)})
        live: Values = {(queue, state.value): counts.get((queue, state), 0) for queue in queues for state in LIVE}
        settled: Values = {("", str(state)): count for state, count in self._settled().items()}
        yield _gauge(
            "jobs_state", "Jobs in each state; settled ones of all queues.", ("queue", "state"), {**live, **settled}
        )
        oldest = census.oldest_ready_s(session, [queue for queue in queues if counts.get((queue, State.READY))])
        waits: Values = {(queue,): oldest.get(queue, 0.0) for queue in queues}
        yield _gauge("queue_oldest_ready_seconds", "How long the oldest ready job waits.", ("queue",), waits)
        lag_s = max(census.overdue_s(session), 0.0, *oldest.values())
        yield GaugeMetricFamily(
            "outbox_lag_seconds", "How long the oldest job that is ready or due has been so.", lag_s
        )
        due_since = shelf.due_since(session)
        late_s = 0.0 if due_since is None else (reader.now(session) - due_since).total_seconds()
        yield GaugeMetricFamily(
            "schedule_lag_seconds", "How long the schedule that is due longest has been so.", max(0.0, late_s)
        )
        roles = Tally(one.role for one in census.alive(session, within_s=self._engine.lease_s))
        up: Values = {(role,): roles[role] for role in ROLES}
        yield _gauge("worker_up", "Processes heard of within the length of a lease.", ("role",), up)
        holds: Values = {(name,): int(does) for name, does in self._invariants().items()}
        yield _gauge("invariant_ok", "Whether a promise of the engine held when it was last checked.", ("name",), holds)


def _gauge(name: str, what: str, labels: tuple[str, ...], values: Values) -> Metric:
    gauge = GaugeMetricFamily(name, what, labels=labels)
    for label_values, value in values.items():
        gauge.add_metric(label_values, value)
    return gauge


def _up(value: int) -> Metric:
    return GaugeMetricFamily("ledger_up", "Whether the database answers.", value)
