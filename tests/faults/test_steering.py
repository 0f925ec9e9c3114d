"""What is steered while processes die: workflows, cancellation, checkpoints, threads that cannot be ended."""

import signal
import time

import pytest

from jobs import State, Step, chord
from tests.waiting import wait_until

from .stage import Stage

pytestmark = pytest.mark.everyfault

MEMBERS = 40
CALLBACK = 1_000


def start_chord(stage: Stage) -> str:
    """Forty slow members and a callback, in the ledger."""
    members = [Step(stage.engine.job_named("small.slow"), {"number": one, "seconds": 0.15}) for one in range(MEMBERS)]
    shape = chord(members, Step(stage.engine.job_named("small.note"), {"number": CALLBACK}))
    with stage.host.transaction() as session:
        return stage.engine.workflows.start(session, shape)


def test_a_workflow_settles_once_whoever_is_killed(stage: Stage) -> None:
    """F1."""
    stage.scheduler()
    first, _second = stage.worker(), stage.worker()
    uid = start_chord(stage)
    stage.wait_for_running(4)
    first.kill()
    stage.redis.client().flushall()
    for _ in range(20):
        stage.engine.sender.wake("small", 8)
    stage.wait_for_all()
    with stage.host.inside():
        state = stage.engine.workflows.look(uid).state
    numbers = stage.written()
    lost, doubled = set(range(MEMBERS)) - set(numbers), len(numbers) - len(set(numbers))
    print(f"\nF1 workflow under kills: lost {len(lost)}, doubled {doubled}")
    assert (lost, doubled, state) == (set(), 0, "succeeded")
    assert (numbers[-1], numbers.count(CALLBACK)) == (CALLBACK, 1)


def test_a_job_goes_on_from_its_checkpoint_after_a_kill(stage: Stage) -> None:
    """F1."""
    stage.scheduler()
    worker = stage.worker()
    (uid,) = stage.submit("stepping", 1, steps=30)
    wait_until(lambda: (stage.entry(uid).checkpoint or 0) >= 10)
    worker.kill()
    kept = stage.entry(uid).checkpoint
    stage.worker()
    stage.wait_for_all()
    stage.check("F1 worker killed between steps")
    entry = stage.entry(uid)
    assert (entry.progress_current, entry.progress_total, entry.attempt) == (30, 30, 2)
    took_s = (entry.finished_at - entry.started_at).total_seconds() if entry.finished_at and entry.started_at else 0
    assert took_s >= (30 - kept) * 0.1


def test_a_stopped_worker_hands_a_long_job_on_at_its_checkpoint(stage: Stage) -> None:
    """F36."""
    stage.scheduler()
    worker = stage.worker()
    (uid,) = stage.submit("stepping", 1, steps=40)
    wait_until(lambda: (stage.entry(uid).checkpoint or 0) >= 5)
    worker.tell(signal.SIGTERM)
    assert worker.wait() == 0
    left = stage.entry(uid)
    assert (left.state, left.failures, left.interruptions) == (State.READY, 0, 1)
    stage.worker()
    stage.wait_for_all()
    account = stage.check("F36 worker stopped between steps")
    assert stage.outcomes(account, [uid]) == [["interrupted", "succeeded"]]


def test_what_runs_elsewhere_is_cancelled(stage: Stage) -> None:
    stage.scheduler()
    stage.worker()
    (uid,) = stage.submit("stepping", 1, steps=400)
    stage.wait_for_running(1)
    assert stage.engine.cancel(uid, by="Ada") is False
    began = time.monotonic()
    stage.wait_for_all()
    print(f"\ncancelled after {time.monotonic() - began:.1f} s")
    stage.check("cancelled while it ran", ends={uid: State.CANCELLED})
    assert stage.written() == []


def test_a_thread_that_cannot_be_ended_costs_its_process_and_the_others_a_rerun(stage: Stage) -> None:
    """F25."""
    stage.scheduler()
    worker = stage.worker()
    (uid,) = stage.submit("stuck", 1)
    stage.wait_for_running(1)
    others = stage.submit("note", 2, 3)
    worker.wait(60)
    stage.engine.cancel(uid, by="Ada")
    stage.worker()
    stage.wait_for_all()
    account = stage.check("F25 a thread that cannot be ended", ends={uid: State.CANCELLED})
    assert stage.outcomes(account, [uid]) == [["failed"]]
    assert stage.outcomes(account, others)[0][-1] == "succeeded"
    assert sorted(stage.written()) == [2, 3]
