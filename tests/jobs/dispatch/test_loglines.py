"""What a job logs is kept with its try, while it runs too: the last lines, cut, never at the price of the job."""

from __future__ import annotations

import logging
import threading

import pytest
from sqlalchemy import select

from jobs.dispatch.heartbeat import Heartbeat
from jobs.dispatch.loglines import CATCHER, MOST_CHARACTERS, MOST_LINES, Lines
from jobs.ledger.models import LogRow
from tests.jobs.workshop import Workshop

log = logging.getLogger("tests.lines")


@pytest.fixture(autouse=True)
def _logs_are_heard() -> None:
    logging.getLogger().setLevel(logging.INFO)


def kept(shop: Workshop) -> list[tuple[int, list[str]]]:
    with shop.host.inside():
        rows = shop.host.reading().scalars(select(LogRow).order_by(LogRow.job_id, LogRow.attempt))
        return [(row.attempt, [line.partition(" ")[2] for line in row.lines.splitlines()]) for row in rows]


def beat(shop: Workshop) -> None:
    Heartbeat(
        shop.host,
        name="hand",
        role="worker",
        queues=[],
        version="",
        lease_s=30,
        interval_s=60,
        running=shop.engine.runner.running,
        sees_redis=lambda: False,
        give_back=shop.engine.runner.give_back,
    ).beat()


def test_each_try_has_its_own_lines(shop: Workshop) -> None:
    tries = []

    def stumble(number: int) -> None:
        tries.append(number)
        log.info("try %d", len(tries))
        if len(tries) < 2:
            raise ValueError("again")

    shop.submit(shop.job(stumble, max_retries=1, min_backoff=1, max_backoff=1), 1)
    shop.work()
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work()
    assert kept(shop) == [(1, ["info try 1"]), (2, ["info try 2"])]


def test_a_job_that_logs_nothing_keeps_nothing(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1)
    shop.work()
    assert (kept(shop), shop.effects()) == ([], [1])


def test_a_line_that_cannot_be_written_spoils_no_job(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    # Half a surrogate pair cannot be told to whoever collects the lines of tests.
    monkeypatch.setattr(log, "handlers", [CATCHER])
    monkeypatch.setattr(log, "propagate", False)

    class Rude:
        def __str__(self) -> str:
            raise ValueError("no text")

    def talk(number: int) -> None:
        log.info("hello \x00 \ud800\nworld")
        log.info("%s", "x", extra={"rude": Rude()})
        shop.note(number)

    uid = shop.submit_one(shop.job(talk))
    shop.work()
    assert (shop.state(uid), shop.effects()) == ("succeeded", [1])
    assert kept(shop) == [(1, ["info hello � ? ⏎ world"])]


def test_what_is_forgotten_takes_its_lines_along(shop: Workshop) -> None:
    def talk(number: int) -> None:
        log.info("hello")

    shop.submit(shop.job(talk), 1)
    shop.work()
    assert len(kept(shop)) == 1
    shop.engine.prune(keep_s=-1)
    assert kept(shop) == []


def test_only_the_last_lines_are_kept() -> None:
    lines = Lines()
    for number in range(MOST_LINES + 5):
        lines.add(f"line {number}")
    assert (len(lines), lines.dropped, lines.text().splitlines()[0]) == (MOST_LINES, 5, "line 5")
    for _ in range(40):
        lines.add("x" * 2_000)
    assert len(lines.text()) <= MOST_CHARACTERS


def test_what_a_job_logs_can_be_read_while_it_runs(shop: Workshop) -> None:
    seen = []

    def talk(number: int) -> None:
        for word in ("one", "two"):
            log.info(word)
            beat(shop)
            seen.append(kept(shop))
        log.info("three")

    shop.submit(shop.job(talk, atomic=False), 1)
    shop.work()
    assert seen == [[(1, ["info one"])], [(1, ["info one", "info two"])]]
    assert kept(shop) == [(1, ["info one", "info two", "info three"])]


def test_of_an_atomic_job_too_where_others_may_write_meanwhile(shop: Workshop, database_kind: str) -> None:
    if database_kind != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    seen = []

    def talk(number: int) -> None:
        log.info("one")
        other = threading.Thread(target=beat, args=(shop,))
        other.start()
        other.join()
        seen.append(kept(shop))
        shop.note(number)

    shop.submit(shop.job(talk), 1)
    shop.work()
    assert (seen, kept(shop), shop.effects()) == ([[(1, ["info one"])]], [(1, ["info one"])], [1])


def test_a_job_without_news_costs_nothing(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr("jobs.dispatch.loglines.keep", lambda session, claims, lines: written.append(len(claims)))

    def talk(number: int) -> None:
        beat(shop)
        log.info("one")
        beat(shop)
        beat(shop)

    shop.submit(shop.job(talk, atomic=False), 1)
    shop.work()
    assert written == [1, 1]  # once while it ran, once at its end


def test_a_worker_that_lost_its_job_writes_no_lines_over_those_of_the_next(shop: Workshop) -> None:
    def talk(number: int) -> None:
        log.info("mine")
        beat(shop)
        shop.let_time_pass()
        shop.engine.reaper.reap()
        shop.claim()
        log.info("no longer mine")
        beat(shop)

    uid = shop.submit_one(shop.job(talk, atomic=False, max_retries=3))
    shop.work()
    assert (shop.outcomes(uid), kept(shop)) == (["lost"], [(1, ["info mine"])])
