"""Processes on the console, and what is wished of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from jobs.ledger.models import WorkerRow
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import QUEUE, Workshop

from .looking import done, get, part, post, said

NAME = "here:worker:17:1a2b"


@pytest.fixture
def beating(staffed: Workshop) -> Workshop:
    """A worker and a scheduler have told of themselves."""
    staffed.engine._heartbeat("worker", NAME, queues=[QUEUE], threads=8).beat()
    staffed.engine._heartbeat("scheduler", "here:scheduler:18:1a2c", queues=[]).beat()
    return staffed


def change(shop: Workshop, **values: object) -> None:
    with shop.host.transaction() as session:
        session.execute(update(WorkerRow).where(WorkerRow.name == NAME).values(**values))


def wish_of(shop: Workshop) -> str | None:
    with shop.host.inside():
        return shop.host.reading().scalar(select(WorkerRow.wish).where(WorkerRow.name == NAME))


def test_nobody_there_says_how_to_start_one(app: Flask) -> None:
    words = said(get(app, "/ops/workers"))
    assert "No worker is running." in words
    assert "docker compose up -d worker scheduler" in words


def test_rows_of_others_do_not_hide_that_no_worker_lives(app: Flask, beating: Workshop) -> None:
    how = "On this machine: bin/worker and bin/scheduler , or bin/run for everything."
    assert how not in said(get(app, "/ops/workers"))
    tag = part(app, "/ops/workers").headers["HX-PTag"]
    change(beating, seen_at=beating.now() - timedelta(minutes=3))
    again = part(app, "/ops/workers", tag)
    assert (again.status_code, how in said(again), "here:18 scheduler beats" in said(again)) == (200, True, True)


def test_a_process_tells_what_it_is_and_does(app: Flask, beating: Workshop) -> None:
    uid = beating.submit_one(beating.noting())
    (claim,) = beating.claim()
    assert claim.uid == uid
    with beating.host.transaction() as session:
        session.merge(beating.entry(uid)).worker = NAME
    words = said(get(app, "/ops/workers"))
    assert "here:17 worker beats" in words
    assert "Threads 0 of 8 busy" in words
    assert "Queues work" in words
    assert "Running now shop.note" in words
    assert "here:18 scheduler beats" in words


def test_a_silent_one_says_since_when_and_can_be_forgotten(app: Flask, beating: Workshop) -> None:
    change(beating, seen_at=beating.now() - timedelta(minutes=3))
    words = said(get(app, "/ops/workers"))
    assert "here:17 worker silent" in words
    assert "Not heard of for 3 min." in words
    assert "fell silent" in said(get(app, "/ops/"))
    assert "It is forgotten." in done(app, f"/ops/workers/forgettings?name={NAME}")
    assert wish_of(beating) is None


def test_another_version_and_a_wrong_clock_are_warned_of(app: Flask, beating: Workshop) -> None:
    beating.engine.version = "2.0"
    change(beating, version="1.0", skew_s=600.0)
    words = said(get(app, "/ops/workers"))
    assert "It runs version 1.0, this page another one." in words
    assert "Its clock is +600.0 s off." in words


def test_it_is_quieted_and_goes_on(app: Flask, beating: Workshop) -> None:
    assert "Quiet this process?" in said(get(app, f"/ops/workers/wishes?name={NAME}&wish=quiet"))
    assert "quiet" in done(app, f"/ops/workers/wishes?name={NAME}&wish=quiet", reason="a look")
    assert wish_of(beating) == "quiet"
    done(app, f"/ops/workers/wishes?name={NAME}&wish=go")
    assert wish_of(beating) == ""
    with beating.host.inside():
        rows = beating.engine.audit.page()
    assert [(row.action, row.subject, row.told) for row in rows] == [
        ("go", f"worker {NAME}", {"before": {"wish": "quiet"}, "after": {"wish": "go"}, "reason": None}),
        ("quiet", f"worker {NAME}", {"before": {"wish": "go"}, "after": {"wish": "quiet"}, "reason": "a look"}),
    ]


def test_it_is_stopped(app: Flask, beating: Workshop) -> None:
    assert "stopping" in done(app, f"/ops/workers/wishes?name={NAME}&wish=stop")
    assert wish_of(beating) == "stop"


@pytest.mark.parametrize(
    "place", ["name=nobody&wish=stop", f"name={NAME}&wish=dance", "name=here:scheduler:18:1a2c&wish=quiet", "wish=stop"]
)
def test_what_is_not_there_cannot_be_wished_of(app: Flask, beating: Workshop, place: str) -> None:
    assert get(app, f"/ops/workers/wishes?{place}").status_code == 404
    assert post(app, f"/ops/workers/wishes?{place}").status_code == 404
    assert wish_of(beating) == ""


def test_who_may_only_see_wishes_nothing(app: Flask, beating: Workshop, guarded: GuardedHost) -> None:
    guarded.allowed = frozenset({"see"})
    assert "Stop…" not in said(get(app, "/ops/workers"))
    assert post(app, f"/ops/workers/wishes?name={NAME}&wish=stop").status_code == 403
    assert post(app, f"/ops/workers/forgettings?name={NAME}").status_code == 403
    assert wish_of(beating) == ""


def test_many_are_shown_by_pages(app: Flask, staffed: Workshop) -> None:
    for number in range(53):
        staffed.engine._heartbeat("worker", f"here:worker:{number}:x", queues=[QUEUE]).beat()
    first = get(app, "/ops/workers").get_data(as_text=True)
    assert first.count('<article class="panel"') == 50
    assert "Next page" in first
    assert get(app, "/ops/workers?after=here:worker:6:x").get_data(as_text=True).count("<article") == 3


def test_it_is_drawn_when_something_changed(app: Flask, beating: Workshop) -> None:
    tag = part(app, "/ops/workers").headers["HX-PTag"]
    assert part(app, "/ops/workers", tag).status_code == 304
    change(beating, wish="quiet")
    assert part(app, "/ops/workers", tag).status_code == 200
