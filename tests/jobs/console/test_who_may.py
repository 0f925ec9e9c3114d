"""Every write of the console is refused to whoever may not, by the code behind the page and not by the page."""

from __future__ import annotations

import pytest
from flask import Flask

from jobs import State
from tests.jobs.workshop import Workshop

from .asked import post
from .conftest import GuardedHost

ACTS = ["/ops/jobs/{uid}/retries", "/ops/jobs/{uid}/starts", "/ops/jobs/{uid}/cancellations"]
ACTS += ["/ops/jobs/{uid}/revelations", "/ops/failures/{print}/mute", "/ops/failures/{print}/unmute"]
CHOSEN = ["retry", "cancel", "move", "reprioritise"]


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


@pytest.fixture
def dead(staffed: Workshop) -> str:
    """A job that failed for good."""
    uid = staffed.submit_one(staffed.job(fail, max_retries=0))
    staffed.work()
    return uid


@pytest.mark.parametrize("path", ACTS)
def test_a_viewer_does_nothing(app: Flask, guarded: GuardedHost, staffed: Workshop, dead: str, path: str) -> None:
    path = path.format(uid=dead, print=staffed.entry(dead).error_fingerprint)
    guarded.allowed = frozenset({"see"})
    assert post(app, path).status_code == 403
    with staffed.host.inside():
        assert (staffed.state(dead), staffed.moves(dead), staffed.engine.audit.page()) == (State.DEAD, [], [])
    guarded.allowed = frozenset({"see", "act"})
    assert post(app, path).status_code in {200, 303, 409}


@pytest.mark.parametrize("action", [*CHOSEN, "delete"])
def test_a_viewer_begins_no_operation(
    app: Flask, guarded: GuardedHost, staffed: Workshop, dead: str, action: str
) -> None:
    guarded.allowed = frozenset({"see"})
    assert post(app, "/ops/jobs/chosen", action=action, uid=dead).status_code == 403
    assert app.test_client().get(f"/ops/jobs/chosen?action={action}&uid={dead}").status_code == 403
    with staffed.host.inside():
        assert staffed.engine.bulk.page() == []


def test_only_who_manages_deletes(app: Flask, guarded: GuardedHost, staffed: Workshop, dead: str) -> None:
    assert post(app, "/ops/jobs/chosen", action="delete", uid=dead).status_code == 403
    guarded.allowed = frozenset({"see", "act", "manage"})
    assert post(app, "/ops/jobs/chosen", action="delete", uid=dead).status_code == 303
    staffed.work("default")
    assert app.test_client().get(f"/ops/jobs/{dead}").status_code == 410


def test_only_who_manages_edits_and_runs_again(app: Flask, guarded: GuardedHost, staffed: Workshop, dead: str) -> None:
    data = {"args": '{"number": 8}', "priority": "1"}
    assert app.test_client().get(f"/ops/jobs/{dead}/copies").status_code == 403
    assert post(app, f"/ops/jobs/{dead}/copies", **data).status_code == 403
    guarded.allowed = frozenset({"see", "act", "manage"})
    assert post(app, f"/ops/jobs/{dead}/copies", **data).status_code == 303
