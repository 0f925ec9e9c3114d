"""The broker on the console, with a Redis and without."""

from __future__ import annotations

import pytest
from flask import Flask

from jobs import install
from jobs.console import console
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import QUEUE, Workshop

from .looking import done, get, part, post, said


@pytest.fixture
def staffed(guarded: GuardedHost, redis_url: str) -> Workshop:
    """A workshop with a Redis."""
    shop = Workshop(guarded, redis_url)
    shop.engine.broker.client.flushall()
    shop.noting()
    return shop


def test_it_tells_what_lies_in_redis_beside_the_ledger(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.engine.job_named("shop.note"), 1, 2)
    staffed.engine.sender.flush()
    words = said(get(app, "/ops/broker"))
    assert "work 2" in words
    assert "jobs.wake.work" in words
    assert "Left behind 0" in words


def test_raw_messages_are_in_the_part_that_asks_again(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.engine.job_named("shop.note"), 1)
    staffed.engine.sender.flush()
    before = part(app, "/ops/broker")
    assert (before.text.count('<details id="raw-work">'), before.text.count("jobs.wake.work")) == (1, 1)
    staffed.engine.broker.client.flushall()
    after = part(app, "/ops/broker", before.headers["HX-PTag"])
    assert (after.status_code, "No message waits at this moment." in said(after)) == (200, True)


def test_leftovers_are_removed_and_workers_are_woken(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.engine.job_named("shop.note"), 1)
    staffed.engine.sender.flush()
    client, name = staffed.engine.broker.client, f"{staffed.engine.broker.namespace}:{QUEUE}"
    client.delete(name)
    assert 'name="reason"' in get(app, "/ops/broker/repairs").get_data(as_text=True)
    assert "1 thing was left behind" in said(get(app, "/ops/broker"))
    assert "1 leftovers are removed, and workers are woken" in done(app, "/ops/broker/repairs", reason="as planned")
    assert client.llen(name) == 1
    with staffed.host.inside():
        (row,) = staffed.engine.audit.page()
    assert (row.by, row.action, row.subject) == ("Ada", "repair", "broker")
    assert row.told == {"before": {"orphans": 1}, "after": {"orphans": 0}, "reason": "as planned"}


def test_without_redis_it_says_so_and_shows_the_ledger(guarded: GuardedHost) -> None:
    shop = Workshop(guarded)
    shop.submit(shop.noting(), 1, 2, 3)
    app = Flask(__name__)
    app.secret_key = "not much of one"
    install(app, shop.engine)
    app.register_blueprint(console(shop.engine, who=lambda: "Ada"), url_prefix="/ops")
    with guarded.inside():
        words = said(get(app, "/ops/broker"))
        assert "Redis is away:" in words
        assert "work 3 — — — — —" in words
        assert "Raw messages" not in words
        assert "Redis is away. Nothing was changed" in said(
            app.test_client().post("/ops/broker/repairs", follow_redirects=True)
        )


def test_who_may_only_see_tidies_nothing_up(app: Flask, guarded: GuardedHost) -> None:
    guarded.allowed = frozenset({"see"})
    assert "Tidy up" not in said(get(app, "/ops/broker"))
    assert post(app, "/ops/broker/repairs").status_code == 403
