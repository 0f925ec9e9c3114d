"""A connection cut exactly at a COMMIT: whether it was done or not, the effect exists once."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from jobs import State
from tests.doors import CuttingDoor
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop


@pytest.fixture
def door(
    tmp_path_factory: pytest.TempPathFactory, host: SmallHost, database_kind: str
) -> Iterator[tuple[CuttingDoor, Workshop]]:
    """A workshop whose way to PostgreSQL leads through a door that can slam."""
    if database_kind != "postgresql":
        pytest.skip("SQLite has no connection to cut")
    folder, url = tmp_path_factory.mktemp("door"), host.database.url
    with CuttingDoor(folder, Path(str(url.query["host"]))) as opened:
        behind = SmallHost(url.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False))
        yield opened, Workshop(behind)
        behind.database.dispose()


@pytest.mark.parametrize("is_told", [False, True], ids=["before it arrived", "after it was done"])
@pytest.mark.parametrize("cut_at", [1, 2, 3], ids=["the claim", "the first finish", "the second finish"])
@pytest.mark.parametrize("batch_size", [None, 2], ids=["single", "batch"])
def test_a_connection_cut_at_a_commit_loses_and_doubles_nothing(
    door: tuple[CuttingDoor, Workshop], host: SmallHost, cut_at: int, is_told: bool, batch_size: int | None
) -> None:
    cutting, shop = door

    def many(numbers: list[int]) -> None:
        for number in numbers:
            shop.note(number)

    job = shop.noting() if batch_size is None else shop.batched(many, size=batch_size)
    submitting = Workshop(host)
    submitting.engine.jobs[job.name] = job
    uids = submitting.submit(job, 1, 2, 3, 4)
    cutting.cut_at, cutting.is_told, cutting.commits = cut_at, is_told, 0
    for _ in range(6):
        with suppress(OperationalError):
            shop.work()
        with suppress(OperationalError):
            shop.engine.runner.settle_doubts()
        submitting.let_time_pass()
        submitting.engine.reaper.reap()
        submitting.let_time_pass()
        submitting.engine.relay.promote()
    assert cutting.commits > cut_at
    assert (shop.effects(), shop.state(*uids)) == ([1, 2, 3, 4], [State.SUCCEEDED] * 4)
    assert {uid: shop.outcomes(uid)[-1] for uid in uids} == dict.fromkeys(uids, "succeeded")
    assert {outcome for uid in uids for outcome in shop.outcomes(uid)} <= {"succeeded", "interrupted"}
