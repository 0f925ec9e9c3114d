"""Jobs that raise whatever there is, and threads that die."""

import pytest

from jobs import State

from .hazards import ERRORS
from .stage import Stage

pytestmark = pytest.mark.everyfault

LONGEST_MESSAGE = 2_000


def test_whatever_a_job_raises_it_alone_dies_of_it(stage: Stage) -> None:
    """F24."""
    stage.scheduler()
    worker = stage.worker()
    harmful = [stage.submit("raising", number, what=what)[0] for number, what in enumerate(ERRORS)]
    healthy = stage.submit("note", *range(100, 120))
    stage.wait_for_all()
    account = stage.check("F24 jobs that raise", dead=harmful)
    assert stage.outcomes(account, healthy) == [["succeeded"]] * 20
    assert stage.outcomes(account, harmful) == [["failed", "failed"]] * len(ERRORS)
    told = {stage.entry(uid).error_class: stage.entry(uid).error_message or "" for uid in harmful}
    assert {len(one) <= LONGEST_MESSAGE for one in told.values()} == {True}
    assert (told["MemoryError"], told["SystemExit"]) == ("MemoryError", "3")
    assert worker.code is None


@pytest.mark.parametrize("thread", ["WorkerThread", "ConsumerThread"])
def test_a_process_that_lost_a_thread_makes_room_for_a_whole_one(stage: Stage, thread: str) -> None:
    """F27."""
    stage.scheduler()
    worker = stage.worker()
    interrupted = stage.submit("stepping", 1, 2, steps=80)
    stage.wait_for_running(2)
    stage.submit("deadly", 3, thread=thread)
    assert worker.wait() != 0
    stage.worker()
    stage.submit("note", *range(10, 20))
    stage.wait_for_all()
    account = stage.check(f"F27 a {thread} died")
    assert stage.outcomes(account, interrupted) == [["lost", "succeeded"]] * 2
    assert stage.count(State.SUCCEEDED) == 13
