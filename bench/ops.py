"""What operators wait for: their pages over a long past and a long queue, and what 500 open ones cost all others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Any

import sqlalchemy as sa

from bench.figures import Bound, Report, Row, ratio
from bench.growth import tidy
from bench.load import Seen, closed, request
from bench.processes import ROOT
from bench.product import SUBMIT, Ada, Product
from bench.sizes import Sizes
from bench.stage import Room, Stage, Web
from bench.web import TRIES, unchanged_poll

PAGES_FIGURE = "15 operators"
WATCH_FIGURE = "16 watchers"
PAGE = Bound(200, 100)
POLL = Bound(15, 10)
KEPT_RATE = Bound(0.9, 0.95, at_least=True)
EVERY_S = 3.0
SUBMITTERS = 8
FAILED_ONE_IN = 200
EVENTS_AT_ONCE = 5_000
CALM = "/ops/jobs?state=done"
PATHS = {
    "overview": "/ops/",
    "jobs": "/ops/jobs",
    "jobs that failed": "/ops/jobs?state=failed",
    "jobs of a kind that are done": "/ops/jobs?state=done&q=kind:activities.count_calories",
    "jobs that wait in a queue": "/ops/jobs?state=queued&q=queue:activities",
    "failures": "/ops/failures",
    "events": "/ops/events",
}


def ops(stage: Stage, report: Report, sizes: Sizes) -> None:
    """p50 and p95 of the operators' pages, by hand and as a poll that finds nothing new."""
    room = stage.room()
    product = Product(room)
    _fill(room, product, sizes, report)
    with room.web() as web:
        for what, path in PATHS.items():
            if _status(web, product.ada, path) == 404:
                report.say(f"{path} is not there, and was not measured")
                continue
            asked = request("GET", path, product.ada.as_browser)
            seen = [closed(web.port, asked, clients=1, seconds=sizes.web_s).only(200) for _ in range(sizes.rounds)]
            report.add(Row(PAGES_FIGURE, stage.kind, f"{what}, p50", "ms", tuple(one.p50_ms for one in seen)))
            report.add(Row(PAGES_FIGURE, stage.kind, f"{what}, p95", "ms", tuple(one.p95_ms for one in seen), PAGE))
        polls = [_polled(web, product.ada, sizes) for _ in range(sizes.rounds)]
        report.add(Row(PAGES_FIGURE, stage.kind, "unchanged poll, p95", "ms", tuple(one.p95_ms for one in polls), POLL))
    product.dispose()


def watch(stage: Stage, report: Report, sizes: Sizes) -> None:
    """How many activities a second are taken while nobody watches, and while overviews ask every three seconds."""
    room = stage.room()
    product = Product(room)
    post = request("POST", "/api/v1/activities", product.ada.as_program, SUBMIT)
    alone, watched, asked = [], [], []
    with room.web() as web, room.workers(), room.scheduler():
        closed(web.port, post, clients=SUBMITTERS, seconds=sizes.warm_up_s).only(201)
        for _ in range(sizes.rounds):
            alone.append(closed(web.port, post, clients=SUBMITTERS, seconds=sizes.web_s).only(201))
            with _watchers(web, product.ada, count=sizes.watchers, seconds=sizes.web_s + 1) as found:
                watched.append(closed(web.port, post, clients=SUBMITTERS, seconds=sizes.web_s).only(201))
            asked.append(found)
    many = f"{sizes.watchers} overviews open"
    before = Row(WATCH_FIGURE, stage.kind, "POST, nobody watches", "answers/s", tuple(one.per_s for one in alone))
    after = Row(WATCH_FIGURE, stage.kind, f"POST, {many}", "answers/s", tuple(one.per_s for one in watched))
    report.add(before, after, ratio(after, before, KEPT_RATE, what="rate that is left"))
    polls = tuple(one["per_s"] for one in asked)
    report.add(Row(WATCH_FIGURE, stage.kind, f"polls answered, {many}", "answers/s", polls))
    report.add(Row(WATCH_FIGURE, stage.kind, f"poll, {many}, p95", "ms", tuple(one["p95_ms"] for one in asked)))
    product.dispose()


def _fill(room: Room, product: Product, sizes: Sizes, report: Report) -> None:
    """A long past with some failures in it, a queue that nobody works off, and events where they have a table."""
    settled = sizes.ops_settled[room.stage.kind]
    product.fill(activities=min(sizes.activities, settled), settled=settled)
    product.write_down(sizes.ops_live)
    with room.database() as database, database.connect() as connection:
        some = "id % :one_in = 0 AND state = 'succeeded'"
        values: dict[str, Any] = {"one_in": FAILED_ONE_IN}
        fail = (
            "UPDATE job SET state = 'dead', error_class = 'ValueError', error_message = 'no number', "
            f"error_fingerprint = 'bench' || (id % 7) WHERE {some}"
        )
        connection.execute(sa.text(fail), values)
        tried = "UPDATE job_attempt SET outcome = 'failed', error_class = 'ValueError', error_message = 'no number' "
        connection.execute(sa.text(f"{tried} WHERE job_id IN (SELECT id FROM job WHERE state = 'dead')"))
        if sa.inspect(connection).has_table("event"):
            _fill_events(connection, sizes.events)
        else:
            report.say("there is no table of events, and none were made")
    product.count_history()
    tidy(room)


def _fill_events(connection: sa.Connection, count: int) -> None:
    newest = connection.execute(sa.text("SELECT max(finished_at) FROM job")).scalar_one()
    insert = sa.text(
        'INSERT INTO event ("at", "kind", "action", "level", "words", "who", "request_id", "count", "fields") '
        "VALUES (:at, :kind, :action, :level, :words, :who, :request_id, 1, '{}')"
    )
    for first in range(0, count, EVENTS_AT_ONCE):
        numbers = range(first, min(first + EVENTS_AT_ONCE, count))
        connection.execute(insert, [_event(number, newest) for number in numbers])


def _event(number: int, at: Any) -> dict[str, Any]:
    return {
        "at": at,
        "kind": ("request", "job", "health")[number % 3],
        "action": f"bench.{number % 20}",
        "level": "warning" if number % 50 == 0 else "info",
        "words": f"Something happened, for the {number}th time",
        "who": f"person {number % 100}",
        "request_id": f"{number:032x}",
    }


def _polled(web: Web, ada: Ada, sizes: Sizes) -> Seen:
    """Polls that find nothing new, of a list in which nothing happens. Should its words change, once more."""
    for _ in range(TRIES - 1):
        seen = closed(web.port, unchanged_poll(web.port, CALM, ada), clients=1, seconds=sizes.web_s)
        if set(seen.statuses) == {"304"}:
            return seen
    return closed(web.port, unchanged_poll(web.port, CALM, ada), clients=1, seconds=sizes.web_s).only(304)


def _status(web: Web, ada: Ada, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", web.port, timeout=60)
    try:
        connection.request("GET", path, headers=ada.as_browser)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


@contextmanager
def _watchers(web: Web, ada: Ada, *, count: int, seconds: float) -> Iterator[dict[str, Any]]:
    """So many pages, all of them open inside; what they saw stands in the dictionary afterwards."""
    what = {"port": web.port, "headers": ada.as_browser, "count": count, "every_s": EVERY_S, "seconds": seconds}
    command = [sys.executable, "-m", "bench.watchers", json.dumps(what)]
    found: dict[str, Any] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "open\n":
                raise RuntimeError("the pages could not be opened")
            yield found
            found |= _sum_of(process.stdout.readline())
        finally:
            with suppress(ProcessLookupError):
                process.terminate()


def _sum_of(line: str) -> Mapping[str, Any]:
    if not line:
        raise RuntimeError("the pages that watched have ended early")
    seen: Mapping[str, Any] = json.loads(line)
    if set(seen["statuses"]) - {"200", "304"}:
        raise RuntimeError(f"pages that watched were answered {seen['statuses']}")
    return seen
