"""Promises on the console, and mending them."""

from __future__ import annotations

from flask import Flask

from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import Workshop

from .looking import done, get, part, post, said


def test_all_holds_in_an_empty_ledger(app: Flask) -> None:
    words = said(get(app, "/ops/integrity"))
    assert "All of it holds." in words
    assert "broken No" not in words


def test_what_is_broken_is_named_and_mended(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.claim()
    tag = part(app, "/ops/integrity").headers["HX-PTag"]
    assert part(app, "/ops/integrity", tag).status_code == 304
    staffed.let_time_pass()
    words = said(get(app, "/ops/integrity"))
    assert "1 promise is broken." in words
    assert f"broken No job is held by a process that fell silent. I2 1: {uid[:12]}… Take them back" in words
    assert part(app, "/ops/integrity", tag).status_code == 200
    assert "Mended: No job is held by a process that fell silent." in done(app, "/ops/integrity/leases/repairs")
    assert staffed.state(uid) == "ready"
    with staffed.host.inside():
        (row,) = staffed.engine.audit.page()
    assert (row.by, row.action, row.subject) == ("Ada", "repair", "integrity leases")
    assert (row.details["before"], row.details["after"]) == ({"broken": 1}, {"broken": 0})


def test_what_nothing_mends_is_not_found(app: Flask) -> None:
    assert [post(app, f"/ops/integrity/{key}/repairs").status_code for key in ("effects", "x")] == [404, 404]


def test_who_may_only_see_mends_nothing(app: Flask, staffed: Workshop, guarded: GuardedHost) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.claim()
    staffed.let_time_pass()
    guarded.allowed = frozenset({"see"})
    assert "Take them back" not in said(get(app, "/ops/integrity"))
    assert post(app, "/ops/integrity/leases/repairs").status_code == 403
    assert staffed.state(uid) == "running"
