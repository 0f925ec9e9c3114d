"""Queues and kinds: what waits there, and what is decided about them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from flask import Flask

from jobs import Limits, State, Wanted
from jobs.rollups import Rollups
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import QUEUE, Workshop

from .looking import done, get, part, post, refused, said


@pytest.fixture
def busy(staffed: Workshop) -> Workshop:
    """Three jobs wait, one is done."""
    note = staffed.noting()
    staffed.submit(note, 1)
    staffed.work()
    staffed.submit(note, 2, 3, 4)
    return staffed


def test_a_queue_tells_what_waits_and_how_fast_it_goes(app: Flask, busy: Workshop) -> None:
    Rollups(busy.host).keep()
    words = said(get(app, "/ops/queues"))
    assert "No worker listens to work , and 3 jobs wait there. Start one: bin/worker --queues work" in words
    assert "work no worker 3" in words
    assert "shop.note work 3 0" in words
    busy.engine._heartbeat("worker", "here:worker:1", queues=[QUEUE]).beat()
    assert "No worker listens" not in said(get(app, "/ops/queues"))


def test_a_queue_in_full_tells_kinds_priorities_and_times(app: Flask, busy: Workshop) -> None:
    Rollups(busy.host).keep()
    words = said(get(app, "/ops/queue?name=work"))
    assert "Waiting 3" in words
    assert "shop.note 3 0" in words
    assert "Priorities waiting 5: 3" in words
    assert "1 ended in the last 24 hours, 0 of them failed." in words


def test_a_kind_tells_what_it_takes_and_how_it_is_treated(app: Flask, busy: Workshop) -> None:
    words = said(get(app, "/ops/kind?name=shop.note"))
    assert "Declared by shop" in words
    assert "max retries 3" in words
    assert '"number"' in words


@pytest.mark.parametrize("page", ["queue?", "kind?", "pauses?scope=queue&", "limits?scope=kind&", "purges?"])
def test_a_queue_or_kind_that_is_not_there_is_not_found(app: Flask, page: str) -> None:
    for name in ("no/such", "..", "ü" * 128, "a%00b", "x" * 500, "%F0%9F%8F%83"):
        assert get(app, f"/ops/{page}name={name}").status_code == 404


@pytest.mark.parametrize("name", ["a/b", "a.b..c", "..", "ü/ü", "?x=1&y#z"])
def test_whatever_a_queue_is_called_its_page_opens(app: Flask, staffed: Workshop, name: str) -> None:
    uid = staffed.submit_one(staffed.noting())
    with staffed.host.transaction() as session:
        entry = session.merge(staffed.entry(uid))
        entry.queue = name
    places = re.findall(r'href="(/ops/queue\?[^"]+)"', get(app, "/ops/queues").get_data(as_text=True))
    assert [f"Queue {name}" in said(get(app, unescape(place))) for place in places].count(True) == 1
    assert f"Queue {name}" in said(get(app, f"/ops/queue?name={quote(name, safe='')}"))


def test_a_queue_that_a_worker_listens_to_has_a_page_though_no_kind_is_declared_for_it(
    app: Flask, busy: Workshop
) -> None:
    assert get(app, "/ops/queue?name=ai").status_code == 404
    busy.engine._heartbeat("worker", "here:worker:1", queues=[QUEUE, "ai"]).beat()
    links = re.findall(r'href="(/ops/queue\?[^"]+)"', get(app, "/ops/workers").get_data(as_text=True))
    assert links == ["/ops/queue?name=work", "/ops/queue?name=ai"]
    words = said(get(app, links[1]))
    assert "Queue ai" in words
    assert "Waiting 0 Oldest — Running 0" in words
    assert "Workers 1 No kind of job is declared for this queue; there is nothing to pause or to limit." in words
    assert [word in words for word in ("Pause…", "Limits…", "Purge…")] == [False] * 3
    assert "Pause…" in said(get(app, links[0]))
    listed = get(app, "/ops/queues").get_data(as_text=True)
    assert [f"/ops/pauses?scope=queue&amp;name={name}" in listed for name in ("work", "ai")] == [True, False]
    assert get(app, "/ops/queue?name=aj").status_code == 404


@pytest.mark.parametrize(("scope", "name"), [("queue", QUEUE), ("kind", "shop.note")])
def test_it_is_paused_with_a_reason_and_resumed(app: Flask, busy: Workshop, scope: str, name: str) -> None:
    place = f"scope={scope}&name={name}"
    assert f"Pause the {scope} {name}?" in said(get(app, f"/ops/pauses?{place}"))
    words = done(app, f"/ops/pauses?{place}", reason="disk is full")
    assert "Paused by Ada: disk is full." in words
    busy.forget_lanes()
    busy.work()
    assert busy.effects() == [1]
    assert "goes on." in done(app, f"/ops/resumptions?{place}")
    busy.forget_lanes()
    busy.work()
    assert busy.effects() == [1, 2, 3, 4]
    with busy.host.inside():
        rows = busy.engine.audit.page()
    assert [(row.by, row.action, row.subject) for row in rows] == [
        ("Ada", "resume", f"{scope} {name}"),
        ("Ada", "pause", f"{scope} {name}"),
    ]
    assert rows[1].details["reason"] == "disk is full"


def test_a_pause_ends_by_itself(app: Flask, busy: Workshop) -> None:
    words = done(app, f"/ops/pauses?scope=queue&name={QUEUE}", until="2100-01-01T10:00")
    assert "until 2100-01-01 10:00:00 UTC" in words


def test_a_pause_that_cannot_be_is_asked_again(app: Flask, busy: Workshop) -> None:
    place = f"/ops/pauses?scope=queue&name={QUEUE}"
    for until in ("yesterday", "2001-01-01T10:00", "9999-99-99T10:00"):
        assert list(refused(app, place, until=until)) == ["until"]
    for reason in ("x" * 201, "a\x00b"):
        assert list(refused(app, place, reason=reason)) == ["reason"]
    with busy.host.inside():
        assert busy.engine.decided() == {}


def test_limits_are_set_and_taken_away(app: Flask, busy: Workshop) -> None:
    place = f"/ops/limits?scope=queue&name={QUEUE}"
    done(app, place, most_running="2", rate_count="10", rate_period_s="60", reason="small disk")
    assert "Limits 2 at a time, 10 in 60 s" in said(get(app, f"/ops/queue?name={QUEUE}"))
    assert 'value="2"' in get(app, place).get_data(as_text=True)
    done(app, place)
    with busy.host.inside():
        assert busy.engine.decided()[("queue", QUEUE)].limits == Limits()


def test_limits_that_make_no_sense_are_asked_again(app: Flask, busy: Workshop) -> None:
    place = f"/ops/limits?scope=queue&name={QUEUE}"
    for most in ("0", "many", "٣", "9" * 19, "-1", "1.5"):
        assert list(refused(app, place, most_running=most)) == ["most_running"]
    assert list(refused(app, place, rate_count="3")) == ["rate_period_s"]
    assert list(refused(app, place, rate_period_s="3")) == ["rate_count"]
    with busy.host.inside():
        assert busy.engine.decided() == {}


def test_a_queue_is_purged_once_its_name_was_typed(app: Flask, busy: Workshop) -> None:
    asked = said(get(app, f"/ops/purges?name={QUEUE}"))
    assert "3 jobs will be cancelled" in asked
    assert refused(app, f"/ops/purges?name={QUEUE}", typed="wrok") == {"typed": "This is not work."}
    assert "They are being cancelled." in done(app, f"/ops/purges?name={QUEUE}", typed=QUEUE, reason="a mistake")
    busy.work("default")
    with busy.host.inside():
        (operation,) = busy.engine.bulk.page()
        states = [entry.state for entry in busy.engine.inspector.page(Wanted(), limit=10)[0]]
        row = busy.engine.audit.page()[0]
    assert (operation.done, operation.failed) == (3, 0)
    assert sorted(states) == [State.CANCELLED] * 3 + [State.SUCCEEDED] * 2
    assert (row.action, row.details["reason"]) == ("bulk cancel", "a mistake")


def test_who_may_only_see_decides_nothing(app: Flask, busy: Workshop, guarded: GuardedHost) -> None:
    guarded.allowed = frozenset({"see"})
    assert "Pause…" not in said(get(app, "/ops/queues"))
    for page in ("pauses?scope=queue", "resumptions?scope=queue", "limits?scope=queue", "purges?"):
        assert post(app, f"/ops/{page}&name={QUEUE}", typed=QUEUE).status_code == 403
    with busy.host.inside():
        assert (busy.engine.decided(), busy.engine.bulk.page()) == ({}, [])
    guarded.allowed = frozenset({"see", "act"})
    assert "Pause…" in said(get(app, "/ops/queues"))


@pytest.mark.parametrize("path", ["/ops/queues", f"/ops/queue?name={QUEUE}"])
def test_it_asks_again_and_is_drawn_when_something_changed(app: Flask, staffed: Workshop, path: str) -> None:
    staffed.noting()
    tag = part(app, path).headers["HX-PTag"]
    assert part(app, path, tag).status_code == 304
    staffed.engine.pause(("queue", QUEUE), by="Ada", reason=None)
    assert part(app, path, tag).status_code == 200
