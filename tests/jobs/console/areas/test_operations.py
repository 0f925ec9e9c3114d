"""Bulk operations on the console: listed, watched, stopped and undone."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from jobs import Action, BulkRequest, Selection, State
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import QUEUE, Workshop

from .looking import done, get, part, post, said


def start(shop: Workshop, action: Action = Action.CANCEL, **options: object) -> str:
    with shop.host.inside():
        return shop.engine.bulk.start(
            BulkRequest(action, Selection(queue=QUEUE), **options),  # type: ignore[arg-type]
            by="Ada",
            reason="a mistake",
        )


def test_nothing_was_done_yet(app: Flask) -> None:
    assert "Nothing was done to many jobs at once yet." in said(get(app, "/ops/operations"))


def test_an_operation_tells_what_it_does_and_how_far_it_is(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.noting(), 1, 2, 3)
    uid = start(staffed)
    assert "Cancel jobs in the queue work Queued 0 of 3 0 Ada" in said(get(app, "/ops/operations"))
    words = said(get(app, f"/ops/operations/{uid}"))
    assert "Queued 0 changed, 0 left as they were; 0 met of 3 that were meant." in words
    assert "Stop…" in words
    staffed.work("default")
    words = said(get(app, f"/ops/operations/{uid}"))
    assert "Done 3 changed" in words
    assert ("Stop…" in words, "Undo…" in words) == (False, True)


def test_it_is_stopped_after_asking(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.noting(), 1, 2)
    uid = start(staffed)
    assert "Stop this operation?" in said(get(app, f"/ops/operations/{uid}/cancellations"))
    assert "It is stopped." in done(app, f"/ops/operations/{uid}/cancellations")
    staffed.work("default")
    with staffed.host.inside():
        assert (staffed.engine.bulk.look(uid).done, staffed.engine.bulk.look(uid).state) == (0, "cancelled")
    assert "Nothing was changed" in done(app, f"/ops/operations/{uid}/cancellations")


def test_it_is_undone_once(app: Flask, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), 1, 2)
    uid = start(staffed)
    staffed.work("default")
    assert staffed.state(*uids) == [State.CANCELLED] * 2
    assert "It is being undone." in done(app, f"/ops/operations/{uid}/undos")
    staffed.work("default")
    assert staffed.state(*uids) == [State.READY] * 2
    assert "undone" in said(get(app, "/ops/operations"))
    assert "It was undone before. Nothing was changed" in done(app, f"/ops/operations/{uid}/undos")


def test_they_are_shown_by_pages(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    uids = [start(staffed) for _ in range(28)]
    found: list[str] = []
    path = "/ops/operations"
    while path:
        page = get(app, path).get_data(as_text=True)
        found += re.findall(r'<tr id="operation-(\w+)"', page)
        following = re.search(r'href="([^"]+)">Next page', page)
        path = following[1] if following else ""
    assert found == uids[::-1]


def test_one_that_is_not_there_is_not_found(app: Flask) -> None:
    for uid in ("0" * 32, "x", "a%00b", "%F0%9F%8F%83"):
        for path in ("", "/cancellations", "/undos"):
            assert get(app, f"/ops/operations/{uid}{path}").status_code == 404


def test_who_may_only_see_stops_nothing(app: Flask, staffed: Workshop, guarded: GuardedHost) -> None:
    staffed.submit(staffed.noting(), 1)
    uid = start(staffed)
    guarded.allowed = frozenset({"see"})
    assert "Stop…" not in said(get(app, f"/ops/operations/{uid}"))
    assert post(app, f"/ops/operations/{uid}/cancellations").status_code == 403
    staffed.work("default")
    with staffed.host.inside():
        assert staffed.engine.bulk.look(uid).done == 1


@pytest.mark.parametrize("path", ["/ops/operations", "/ops/operations/{uid}"])
def test_it_is_drawn_when_something_changed(app: Flask, staffed: Workshop, path: str) -> None:
    staffed.submit(staffed.noting(), 1)
    path = path.format(uid=start(staffed))
    tag = part(app, path).headers["HX-PTag"]
    assert part(app, path, tag).status_code == 304
    staffed.work("default")
    assert part(app, path, tag).status_code == 200
