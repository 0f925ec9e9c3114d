"""`rule_of` and `schedule`: rules as people say them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from jobs import BadArguments, NameTaken, Overlap, Rule, ScheduleRequest, install, rule_of, schedule
from jobs.schedules.book import request_of
from tests.jobs.workshop import Workshop

MOMENT = datetime(2030, 12, 24, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"every": "3 hours"}, Rule.every(hours=3)),
        ({"every": timedelta(days=2)}, Rule.every(days=2)),
        ({"every": timedelta(hours=36)}, Rule.every(days=1, seconds=43_200)),
        ({"cron": "@daily", "zone": "Europe/Vienna"}, Rule.cron("@daily", zone="Europe/Vienna")),
        ({"rrule": "FREQ=DAILY", "most_times": 3}, Rule.rrule("FREQ=DAILY", most_times=3)),
        ({"once": MOMENT}, Rule.once(MOMENT)),
        ({"once": MOMENT.isoformat()}, Rule.once(MOMENT)),
    ],
)
def test_one_word_makes_a_rule(said: dict[str, Any], rule: Rule) -> None:
    assert rule_of(**said) == rule


@pytest.mark.parametrize("said", [{}, {"cron": "@daily", "every": "1 day"}, {"every": timedelta(milliseconds=1_500)}])
def test_none_or_several_make_none(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"exactly one of|whole seconds"):
        rule_of(**said)


@pytest.fixture
def inside(shop: Workshop) -> Iterator[Workshop]:
    """Inside an application that has the workshop's engine."""
    app = Flask(__name__)
    install(app, shop.engine)
    with app.app_context(), shop.host.inside():
        yield shop


def test_the_shorthand_makes_the_schedule_it_says(inside: Workshop) -> None:
    job = inside.noting()
    uid = schedule(
        job, 7, cron="0 9 * * 1", tz="Europe/Vienna", name="weekly", overlap="skip", priority=2, requested_by="ada"
    )
    one = inside.engine.schedules.get(uid)
    rule = Rule.cron("0 9 * * 1", zone="Europe/Vienna")
    expected = ScheduleRequest("weekly", job.name, rule, {"number": 7}, priority=2, overlap=Overlap.SKIP)
    assert (request_of(one), one.requested_by) == (expected, "ada")


def test_what_it_cannot_make_is_refused(inside: Workshop) -> None:
    job = inside.noting()
    schedule(job, number=7, every="1 hour", name="hourly")
    with pytest.raises(NameTaken):
        schedule(job, number=7, every="1 hour", name="hourly")
    with pytest.raises(BadArguments):
        schedule(job, every="1 hour", name="other")
    with pytest.raises(ValueError, match="rule: say exactly one"):
        schedule(job, 7, name="other")
    with pytest.raises(ValueError, match="Overlap"):
        schedule(job, 7, name="other", every="1 hour", overlap="both")


def test_it_joins_the_transaction_that_is_open(inside: Workshop) -> None:
    job = inside.noting()

    def change_ones_mind() -> None:
        with inside.host.transaction():
            schedule(job, 7, every="1 hour", name="hourly")
            raise RuntimeError("not after all")

    with pytest.raises(RuntimeError, match="not after all"):
        change_ones_mind()
    assert inside.engine.schedules.page() == []
