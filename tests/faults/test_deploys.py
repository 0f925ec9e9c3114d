"""Builds that differ, and a database from before."""

import signal
import time
from collections.abc import Callable

import pytest

from jobs import State
from jobs.ledger import kinds
from tests.conftest import Databases
from tests.waiting import wait_until

from .small import OLD_BUILD
from .stage import Stage

pytestmark = pytest.mark.everyfault

OLD, NEW = {OLD_BUILD: "yes"}, {OLD_BUILD: ""}


def test_a_kind_that_no_worker_knows_waits_for_one_that_does(stage: Stage) -> None:
    """F28."""
    stage.scheduler()
    old = stage.worker(environment=OLD)
    unknown = stage.submit("novel", *range(5))
    for number in range(10, 30):
        stage.submit("note", number)
    wait_until(lambda: stage.count(State.SUCCEEDED) == 20, what="the others were held up")
    known = sorted(set(stage.engine.jobs) - {"small.novel"})
    with stage.host.inside():
        assert kinds.unknown_waiting(stage.host.reading(), known) == ["small.novel"]
    assert [(one.state, one.attempt) for one in map(stage.entry, unknown)] == [(State.READY, 0)] * 5
    stage.worker()
    stage.wait_for_all()
    account = stage.check("F28 a kind unknown to the only worker")
    assert set(map(tuple, account.outcomes.values())) == {("succeeded",)}
    assert old.code is None


def test_a_rolling_deploy_there_and_back_loses_nothing(stage: Stage) -> None:
    """F38."""
    stage.scheduler()
    workers = [stage.worker(environment=OLD), stage.worker(environment=OLD)]
    number = 0
    for build in (NEW, NEW, OLD, NEW):
        for _ in range(10):
            stage.submit("slow", number, seconds=0.1)
            stage.submit("novel", number + 1)
            number += 2
            time.sleep(0.05)
        leaving = workers.pop(0)
        leaving.tell(signal.SIGTERM)
        workers.append(stage.worker(environment=build))
        assert leaving.wait() == 0
    stage.wait_for_all()
    account = stage.check("F38 builds rolled there and back")
    assert {outcome for ways in account.outcomes.values() for outcome in ways} <= {"succeeded", "interrupted"}


def test_a_restored_database_goes_on_from_where_it_was_whatever_redis_remembers(
    staged: Callable[..., Stage], databases: Databases, database_url: str
) -> None:
    """F39."""
    before = staged(database_url)
    before.submit("note", *range(20))
    before.host.database.dispose()
    restored = databases.copy(database_url)
    worker = before.worker()
    before.submit("note", *range(100, 150))
    before.wait_for_all()
    worker.kill()
    before.submit("note", *range(200, 220))
    before.engine.sender.flush()
    assert before.redis.client().llen("small:small") > 0
    after = staged(restored)
    after.submitted = {uid: number for uid, number in before.submitted.items() if number < 20}
    after.scheduler()
    after.worker()
    after.submit("note", *range(300, 310))
    after.wait_for_all()
    account = after.check("F39 the database is from before, Redis is not")
    assert set(map(tuple, account.outcomes.values())) == {("succeeded",)}
    after.close()
    databases.drop(restored)
