"""Two schedulers at once, and one that dies."""

from datetime import timedelta

import pytest

from jobs import JobRequest, State
from jobs.ledger.reader import now
from tests.waiting import wait_until

from .stage import Stage


def submit_for_later(stage: Stage, numbers: range) -> None:
    """Jobs that become due over the next three seconds."""
    job = stage.engine.job_named("small.note")
    with stage.host.transaction() as session:
        start = now(session)
        due = [start + timedelta(seconds=3 * place / len(numbers)) for place in range(len(numbers))]
        requests = [JobRequest(job, {"number": n}, run_at=at) for n, at in zip(numbers, due, strict=True)]
        uids = stage.engine.write_down(session, requests)
    stage.submitted.update(zip(uids, numbers, strict=True))


def test_two_schedulers_do_everything_once_and_one_is_enough(stage: Stage) -> None:
    """F20."""
    first, second = stage.scheduler(), stage.scheduler()
    worker = stage.worker()
    submit_for_later(stage, range(300))
    stage.wait_for_all()
    first.kill()
    submit_for_later(stage, range(300, 600))
    stage.submit("slow", *range(600, 604), seconds=1.0)
    stage.wait_for_running(1)
    hit = stage.count(State.RUNNING)
    worker.kill()
    stage.worker()
    stage.wait_for_all()
    account = stage.check(f"F20 two schedulers, one of them killed, {hit} jobs hit")
    assert max(len(outcomes) for outcomes in account.outcomes.values()) <= 2
    assert second.code is None


@pytest.mark.everyfault
def test_without_any_scheduler_what_is_ready_still_runs(stage: Stage) -> None:
    stage.worker()
    stage.submit("many", *range(100))
    wait_until(lambda: stage.count(State.SUCCEEDED) == 100)
    stage.check("no scheduler at all")
