"""When a process has done enough, and what it says it can run."""

import signal
from typing import Any

import pytest

from jobs import Wear
from jobs.dispatch.wear import resident_mib
from jobs.ledger import kinds
from tests.jobs.workshop import Workshop


@pytest.mark.parametrize(
    ("wear", "jobs", "worn"),
    [
        (Wear(), 10**9, False),
        (Wear(jobs=10), 9, False),
        (Wear(jobs=10), 10, True),
        (Wear(memory_mib=1), 0, True),
        (Wear(memory_mib=1_000_000), 0, False),
    ],
)
def test_a_process_is_worn_after_so_many_jobs_or_so_much_memory(wear: Wear, jobs: int, worn: bool) -> None:
    assert wear.holds(jobs=jobs) is worn


def test_the_memory_of_a_process_is_known() -> None:
    assert 5 < resident_mib() < 10_000


def test_a_worn_worker_asks_to_be_stopped_once(shop: Workshop) -> None:
    got: list[Any] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
    try:
        shop.engine.worn_after = Wear(jobs=2)
        beat = shop.engine._heartbeat("worker", "hand", queues=[])
        shop.submit(shop.noting(), 1, 2)
        beat._leave_if_worn()
        assert got == []
        shop.work()
        beat._leave_if_worn()
        beat._leave_if_worn()
        assert got == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_build_says_what_it_can_run(shop: Workshop) -> None:
    shop.noting(max_retries=7)
    shop.engine.tell_kinds()
    shop.engine.tell_kinds()
    with shop.host.inside():
        own, kind = kinds.all_of(shop.host.reading())
    assert own.name == "jobs.bulk"
    assert (kind.name, kind.queue, kind.told["policy"]["max_retries"]) == ("shop.note", "work", 7)
    assert kind.told["arguments"] == {
        "type": "object",
        "properties": {"number": {"type": "integer"}},
        "required": ["number"],
        "additionalProperties": False,
    }


def test_what_waits_for_a_build_that_knows_it_is_shown(shop: Workshop) -> None:
    shop.submit(shop.noting("old"), 1, 2)
    shop.engine.jobs.clear()
    with shop.host.inside():
        assert kinds.unknown_waiting(shop.host.reading(), list(shop.engine.jobs)) == ["shop.old"]
    assert shop.claim() == []
