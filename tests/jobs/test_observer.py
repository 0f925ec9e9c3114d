"""What the engine tells those who watch it: which jobs came, which ended, in whose name and for which request."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from jobs import Action, BulkRequest, Overlap, Selection, chain
from jobs.bulk.desk import QUEUE as OPERATIONS
from jobs.observer import NOBODY_KNOWN, Asked, Observer, together
from tests.jobs.host import SmallHost
from tests.jobs.schedules.conftest import Diary
from tests.jobs.workflows.flowshop import FlowShop
from tests.jobs.workshop import QUEUE, Workshop

NOTE = "shop.note"
HERS = {"requested_by": "ada", "request_id": "r1"}


class Listener(Observer):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def enqueued(self, queue: str, kind: str, count: int, asked: Asked = NOBODY_KNOWN) -> None:
        self.heard.append((kind, "enqueued", count, asked))

    def unstarted(self, queue: str, kind: str, outcome: str, count: int, asked: Asked = NOBODY_KNOWN) -> None:
        self.heard.append((kind, outcome, count, asked))

    def ended(self, queue: str, kind: str, outcome: str, *, waits_s: Sequence[float], **told: Any) -> None:
        self.heard.append((kind, str(outcome), len(waits_s), told["asked"]))

    def rescued(self, queue: str, kind: str, *, is_parked: bool, asked: Asked = NOBODY_KNOWN) -> None:
        self.heard.append((kind, "lost", 1, asked))

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """What came after the jobs of a kind were written down."""
        return [one[1:] for one in self.heard if one[0] == kind and one[1] != "enqueued"]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def shop(host: SmallHost, listener: Listener) -> Workshop:
    return Workshop(host, observer=listener)


def test_a_job_is_told_from_its_request_to_its_end(shop: Workshop, listener: Listener) -> None:
    uid = shop.submit_one(shop.noting(), **HERS)
    shop.work()
    asked = Asked(uid, "r1", "ada")
    assert listener.heard == [(NOTE, "enqueued", 1, asked), (NOTE, "succeeded", 1, asked)]


def test_jobs_of_one_transaction_are_told_as_one_with_what_they_have_in_common(
    shop: Workshop, listener: Listener
) -> None:
    note, other = shop.noting(), shop.noting("other")
    with shop.host.transaction():
        first = shop.submit(note, *range(500), **HERS)[0]
        shop.submit(note, *range(500), requested_by="ben", request_id="r1")
        second = shop.submit_one(other, **HERS)
        assert listener.heard == []
    assert listener.heard == [
        (NOTE, "enqueued", 1_000, Asked(first, "r1", None)),
        ("shop.other", "enqueued", 1, Asked(second, "r1", "ada")),
    ]


def test_what_is_rolled_back_is_told_to_nobody(shop: Workshop, listener: Listener) -> None:
    note = shop.noting()
    with suppress(LookupError), shop.host.transaction():
        shop.submit(note, 1)
        raise LookupError
    uid = shop.submit_one(note, 2)
    assert listener.heard == [(NOTE, "enqueued", 1, Asked(uid))]


def test_a_batch_is_told_as_one(shop: Workshop, listener: Listener) -> None:
    def batch(numbers: list[int]) -> None:
        """Nothing to do."""

    first = shop.submit(shop.batched(batch), 1, 2, 3, **HERS)[0]
    shop.work()
    assert listener.of("shop.batch") == [("succeeded", 3, Asked(first, "r1", "ada"))]


def test_who_cancels_their_own_waiting_job_has_it_told(shop: Workshop, listener: Listener) -> None:
    uid = shop.submit_one(shop.noting(), **HERS)
    assert shop.engine.cancel(uid, by="ada")
    assert listener.of(NOTE) == [("cancelled", 1, Asked(uid, "r1", "ada"))]


def test_jobs_that_were_not_started_in_time_are_told(shop: Workshop, listener: Listener) -> None:
    late = shop.now() - timedelta(seconds=1)
    uids = shop.submit(shop.noting(), 1, 2, expires_at=late, **HERS)
    assert shop.engine.relay.expire() == 2
    assert listener.of(NOTE) == [("expired", 2, Asked(uids[0], "r1", "ada"))]


def test_a_lost_lease_is_told_with_who_asked(shop: Workshop, listener: Listener) -> None:
    uid = shop.submit_one(shop.noting(), **HERS)
    shop.claim()
    shop.let_time_pass()
    assert shop.engine.reaper.reap() == 1
    assert listener.of(NOTE) == [("lost", 1, Asked(uid, "r1", "ada"))]


def test_jobs_cancelled_in_bulk_are_told_as_one(shop: Workshop, listener: Listener) -> None:
    uids = shop.submit(shop.noting(), *range(30), **HERS)
    shop.engine.bulk.start(BulkRequest(Action.CANCEL, Selection(kinds=(NOTE,))), by="olga")
    shop.work(OPERATIONS)
    assert listener.of(NOTE) == [("cancelled", 30, Asked(uids[0], "r1", "ada"))]


def test_steps_that_are_cancelled_with_their_workflow_are_told(host: SmallHost, listener: Listener) -> None:
    shop = FlowShop(host, observer=listener)
    uid = shop.start(chain(*shop.saying(1, 2)), **HERS)
    shop.engine.workflows.cancel(uid, by="olga")
    ((outcome, count, asked),) = listener.of("shop.say")
    assert (outcome, count, asked.request_id, asked.requested_by) == ("cancelled", 2, "r1", "ada")


def test_a_run_of_a_schedule_that_the_next_one_replaces_is_told(shop: Workshop, listener: Listener) -> None:
    diary = Diary(shop)
    uid = diary.due(shop.noting(), overlap=Overlap.REPLACE)
    diary.fire()
    diary.set(uid, next_at=diary.ago(seconds=-1))
    while not diary.fire():
        pass
    replaced = diary.jobs(uid)[0]
    assert listener.of(NOTE) == [("cancelled", 1, Asked(replaced.uid, None, replaced.requested_by))]


def test_several_have_in_common_what_is_the_same() -> None:
    assert together([Asked("a", "r", "x"), Asked("b", "r", "x")]) == Asked("a", "r", "x")
    assert together([Asked("a", "r", "x"), Asked("b", "s", "x"), Asked("c", "s", "y")]) == Asked("a", None, None)


def test_nobody_has_to_listen(host: SmallHost) -> None:
    shop = Workshop(host)
    uid = shop.submit_one(shop.noting(queue=QUEUE))
    assert (shop.engine.cancel(uid, by=None), shop.state(uid)) == (True, "cancelled")
