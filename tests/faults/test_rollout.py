"""Two versions of the product at once, on one database, while people log; and a log that cannot be written."""

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from app import schema
from tests.servers import RedisServer
from tests.waiting import wait_until

from .processes import ROOT
from .product import Installation

NEW_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999_next"
down_revision = {newest!r}


def upgrade() -> None:
    op.add_column("activity", sa.Column("mood", sa.String(20), nullable=True))


def downgrade() -> None:
    op.drop_column("activity", "mood")
"""
NEW_KIND = """

@group.actor(queue_name=Queue.ACTIVITIES)
def look_ahead(activity_id: int) -> int:
    \"\"\"What only the next version knows.\"\"\"
    return activity_id
"""
FOLLOWERS = "ActivityLogged: (activities.count_calories,)"
LEFT_OUT = shutil.ignore_patterns(".*", "var", "tests", "bench", "docs", "__pycache__")


@pytest.fixture
def home(own_redis: RedisServer, database_url: str, tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Makes an installation; its processes are gone afterwards."""
    made: list[Installation] = []

    def make(**settings: str) -> Installation:
        made.append(Installation(tmp_path, database_url, own_redis.url, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.everyfault
def test_the_next_version_is_rolled_out_and_back_while_people_log(
    home: Callable[..., Installation], tmp_path: Path
) -> None:
    """F38, with the web."""
    old = home()
    old.start_web()
    worker = old.start_worker()
    old.start("scheduler")
    new, going = old.beside(_next_version(tmp_path / "next")), [True]
    with ThreadPoolExecutor(1) as people:
        asked = people.submit(_log_on_and_on, old, going)
        new.migrate()
        new.start_web()
        newer = [new.start_worker(), new.start("scheduler")]
        for minutes in range(100, 130):
            new.log(minutes)
        wait_until(lambda: _of_the_next(old)["succeeded"] >= 25)
        assert [one.read("/readyz")[0] for one in (old, new)] == [200, 200]
        for process in newer:
            process.tell(signal.SIGTERM)
            assert process.wait() == 0
        for minutes in range(130, 140):
            new.log(minutes)
        worker.tell(signal.SIGTERM)
        assert worker.wait() == 0
        old.start_worker()
        time.sleep(2)
        going.clear()
        of_the_old = asked.result()
    old.wanted += new.wanted
    old.wait_for_all()
    assert _of_the_next(old)["ready"] >= 10  # no worker of the old version knows them
    new.start_worker()
    wait_until(lambda: _of_the_next(old) == {"succeeded": 40})
    old.check("F38 the next version is rolled out, back, and out again")
    print(f"\nF38 two versions at once: {of_the_old} asked of the old web, 40 of the new one, no error")
    assert _errors(new) == []
    new.close()


def _of_the_next(home: Installation) -> Counter[str]:
    """The states of the jobs that only the next version knows."""
    with home.database.connect() as connection:
        states = connection.execute(text("SELECT state FROM job WHERE kind = 'activities.look_ahead'"))
        return Counter(states.scalars())


def _errors(home: Installation) -> list[str]:
    logs = {one.log_file for one in home.processes}
    return [line for log in logs for line in log.read_text().splitlines() if "Traceback" in line]


def _log_on_and_on(home: Installation, going: list[bool]) -> int:
    minutes = 10
    while going:
        home.log(minutes)
        minutes += 1
        time.sleep(0.05)
    return minutes - 10


def _next_version(folder: Path) -> Path:
    """The same product with one more migration, and a kind of job that this version does not know."""
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    versions = folder / "migrations/versions"
    (newest,) = schema.heads(schema.revisions(versions))
    (versions / "9999_next.py").write_text(NEW_MIGRATION.format(newest=newest))
    with (folder / "app/activities/actors.py").open("a") as actors:
        actors.write(NEW_KIND)
    wiring = folder / "app/wiring.py"
    told = wiring.read_text()
    assert FOLLOWERS in told
    wiring.write_text(told.replace(FOLLOWERS, f"{FOLLOWERS[:-1]} activities.look_ahead,)"))
    return folder


def test_a_log_that_cannot_be_written_stops_nobody(home: Callable[..., Installation]) -> None:
    """F29, the log's part."""
    full = home(LOG_FILE="/dev/full", LOG_LEVEL="DEBUG")
    full.start_web()
    full.start_worker()
    full.start("scheduler")
    for minutes in range(10, 20):
        full.log(minutes)
    full.wait_for_all()
    full.check("F29 the log's file is full")
    told = [line for one in full.processes for line in one.log_file.read_text().splitlines() if "/dev/full" in line]
    assert 1 <= len(told) <= 10  # once a process and minute, however many lines are lost
