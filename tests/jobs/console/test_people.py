"""Who did something, on the pages of a host that knows people and of one that does not."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.jobs.workshop import QUEUE, Workshop

from .asked import get, text_of


def test_a_plain_host_shows_what_is_stored(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    staffed.engine.pause(("queue", QUEUE), by="user 7", reason=None)
    assert "Pause queue work user 7 by" in text_of(get(app, "/ops/audit"))
    assert "Paused by user 7" in text_of(get(app, f"/ops/queue?name={QUEUE}"))


def test_a_host_that_knows_people_names_them(app: Flask, staffed: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "JOBS_CONSOLE_PEOPLE", lambda who: {"user 7": "Zoë & Co"})
    staffed.noting()
    staffed.engine.pause(("queue", QUEUE), by="user 7", reason=None)
    assert "Pause queue work Zoë & Co, user 7 by" in text_of(get(app, "/ops/audit"))
    assert "Paused by Zoë & Co, user 7" in text_of(get(app, f"/ops/queue?name={QUEUE}"))


def test_what_looks_like_a_mark_is_nobody(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    staffed.engine.pause(("queue", QUEUE), by="user 7", reason="[0:0]")
    assert "Reason [0:0]" in text_of(get(app, "/ops/audit"))
