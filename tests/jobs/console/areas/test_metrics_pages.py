"""Metrics on the console: sentences, curves and tables from the history."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Flask

from jobs import SettledJob
from jobs.rollups import Rollups
from tests.jobs.workshop import Workshop

from .looking import get, part, said


def count(shop: Workshop) -> None:
    Rollups(shop.host, clock=lambda: 0.0).keep()


def settle(shop: Workshop, *hours_ago: float, ran_s: float = 0.2) -> None:
    kind, now = shop.engine.job_named("shop.note").name, shop.now()
    ends = [now - timedelta(hours=hours) for hours in hours_ago]
    jobs = [
        SettledJob(kind, at - timedelta(seconds=ran_s + 1), at - timedelta(seconds=ran_s), at, {"number": 1})
        for at in ends
    ]
    with shop.host.transaction() as session:
        shop.engine.write_settled(session, jobs)


def test_nothing_counted_says_why(app: Flask) -> None:
    words = said(get(app, "/ops/metrics"))
    assert "Nothing was counted yet." in words
    assert "Nothing ended in this time." in words


def test_every_range_tells_what_ended_in_it(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    settle(staffed, 0.5, 5, 60, 300)
    count(staffed)
    told = {
        name: re.search(r"(\d+) jobs ended", said(get(app, f"/ops/metrics?range={name}")))
        for name in ("90m", "24h", "7d", "30d", "nonsense")
    }
    assert {name: found and found[1] for name, found in told.items()} == {
        "90m": "1",
        "24h": "2",
        "7d": "3",
        "30d": "4",
        "nonsense": "2",
    }


def test_times_are_told_by_kind_and_by_queue(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    settle(staffed, 1, 2, 3, ran_s=0.2)
    count(staffed)
    words = said(get(app, "/ops/metrics"))
    assert "shop.note 3 0 % 0" in words
    assert "How long jobs ran Over all of it: p50 0.17 s" in words
    assert get(app, "/ops/metrics").get_data(as_text=True).count("<polyline") >= 6
    assert "shop.note 3" in said(get(app, "/ops/metrics?kind=shop.note"))
    assert "Nothing ended in this time." in said(get(app, "/ops/metrics?kind=shop.other"))
    assert "shop.note 3" in said(get(app, "/ops/metrics?queue=work"))


def test_it_is_drawn_when_something_was_counted(app: Flask, staffed: Workshop) -> None:
    staffed.noting()
    count(staffed)
    tag = part(app, "/ops/metrics").headers["HX-PTag"]
    assert part(app, "/ops/metrics", tag).status_code == 304
    settle(staffed, 0)
    count(staffed)
    assert part(app, "/ops/metrics", tag).status_code == 200


def test_words_that_no_database_takes_are_not_found(app: Flask) -> None:
    assert [get(app, f"/ops/metrics?{name}=a%00b").status_code for name in ("queue", "kind", "range")] == [404] * 3
