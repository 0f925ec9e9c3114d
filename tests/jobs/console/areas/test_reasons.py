"""Why something was done: asked for beside every button, taken by every command that acts, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest
from flask import Flask

from jobs import Rule, ScheduleRequest, State
from jobs.console import cli
from tests.jobs.workshop import QUEUE, Workshop

from .looking import get, post, said

WHY = "asked by Olga"
WORKER = "here:worker:9"
READ = {"list", "show", "watch", "preview", "check"}
OF_ONE_CLICK = (
    ("resume", "/ops/resumptions?scope=queue&name=work"),
    ("resume", "/ops/resumptions?scope=kind&name=shop.note"),
    ("resume", "/ops/schedules/{schedule}/resumptions"),
    ("run now", "/ops/schedules/{schedule}/runs"),
    ("forget", f"/ops/workers/forgettings?name={WORKER}"),
    ("repair", "/ops/integrity/leases/repairs"),
    ("unmute", "/ops/failures/{print}/unmute"),
    ("reveal", "/ops/jobs/{dead}/revelations"),
)


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


@pytest.fixture
def place(staffed: Workshop) -> dict[str, str]:
    """Something of everything that can be acted on."""
    engine = staffed.engine
    dead = staffed.submit_one(staffed.job(fail, max_retries=0))
    staffed.work()
    note = staffed.noting()
    print_ = staffed.entry(dead).error_fingerprint
    assert print_ is not None
    engine._heartbeat("worker", WORKER, queues=[QUEUE]).beat()
    with staffed.host.inside():
        schedule = engine.schedules.create(ScheduleRequest("daily", note.name, Rule.cron("0 8 * * *"), {"number": 1}))
        engine.schedules.pause(schedule, by="Ben")
        engine.pause(("queue", QUEUE), by="Ben", reason=None)
        engine.pause(("kind", note.name), by="Ben", reason=None)
        engine.mute(print_, by="Ben")
    return {"dead": dead, "print": print_, "schedule": schedule}


def newest(shop: Workshop) -> tuple[str, object]:
    with shop.host.inside():
        row = shop.engine.audit.page()[0]
        return row.action, row.details["reason"]


@pytest.mark.parametrize(("action", "path"), OF_ONE_CLICK, ids=[path for _, path in OF_ONE_CLICK])
def test_one_click_does_it_and_who_wants_to_says_why(
    app: Flask, staffed: Workshop, place: dict[str, str], action: str, path: str
) -> None:
    path = path.format(**place)
    page = get(app, path)
    assert (page.status_code, 'name="reason"' in page.get_data(as_text=True)) == (200, True)
    before = newest(staffed)
    wrong = post(app, path, reason="x" * 201)
    assert (wrong.status_code, 'aria-invalid="true"' in wrong.get_data(as_text=True)) == (422, True)
    assert newest(staffed) == before
    assert post(app, path, reason=WHY).status_code in {200, 303}
    assert newest(staffed) == (action, WHY)


@pytest.mark.parametrize("path", ["/ops/queue?name=work", "/ops/queues", "/ops/schedules", "/ops/failures?muted=1"])
def test_the_way_to_a_reason_stands_beside_the_button(app: Flask, place: dict[str, str], path: str) -> None:
    assert ", with a reason" in said(get(app, path))


def test_of_a_copy(app: Flask, staffed: Workshop, place: dict[str, str]) -> None:
    staffed.host.allowed = frozenset({"see", "act", "manage"})  # type: ignore[attr-defined]
    path, form = f"/ops/jobs/{place['dead']}/copies", {"args": '{"number": 8}', "priority": "1"}
    assert 'name="reason"' in get(app, path).get_data(as_text=True)
    wrong = post(app, path, **form, reason="x" * 201)
    assert (wrong.status_code, "Give up to 200 signs on one line." in said(wrong)) == (422, True)
    assert post(app, path, **form, reason=WHY).status_code == 303
    assert newest(staffed) == ("edit and run again", WHY)


# -- in the terminal --------------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, click.Command]]:
    for group in cli.GROUPS:
        yield from ((f"{group.name} {name}", one) for name, one in group.commands.items())
    yield from ((f"jobs {one.name}", one) for one in cli.JOBS)


def test_every_command_that_acts_takes_one() -> None:
    without = {name for name, one in commands() if "reason" not in {param.name for param in one.params}}
    reading = {name for name, _ in commands() if name.split()[1] in READ}
    assert without == {*reading, "jobs run"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["queues", "resume", "work"], ("resume", WHY)),
        (["kinds", "limit", "shop.note", "--running", "2"], ("limit", WHY)),
        (["schedules", "resume", "{schedule}"], ("resume", WHY)),
        (["schedules", "run", "{schedule}"], ("run now", WHY)),
        (["schedules", "delete", "{schedule}"], ("delete", WHY)),
        (["workers", "forget", WORKER], ("forget", WHY)),
        (["errors", "unmute", "{print}"], ("unmute", WHY)),
        (["jobs", "retry", "{dead}"], ("retry", WHY)),
    ],
)
def test_what_a_command_is_told_is_kept(
    app: Flask, staffed: Workshop, place: dict[str, str], words: list[str], told: Any
) -> None:
    args = [word.format(**place) for word in words]
    result = app.test_cli_runner().invoke(args=[*args, "--reason", WHY])
    assert (result.exit_code, newest(staffed)) == (0, told), result.output


def test_of_jobs_that_wait(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.noting("other", queue="elsewhere")
    run = app.test_cli_runner()
    for words, action in (
        (["priority", "1", uid], "reprioritise"),
        (["move", "elsewhere", uid], "move"),
        (["reschedule", "2030-01-01T00:00:00Z", uid], "reschedule"),
        (["cancel", uid], "cancel"),
    ):
        assert run.invoke(args=["jobs", *words, "--reason", WHY]).exit_code == 0, words
        assert newest(staffed) == (action, WHY)
    assert staffed.state(uid) == State.CANCELLED


def test_a_reason_of_many_lines_is_refused(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    result = app.test_cli_runner().invoke(args=["jobs", "cancel", uid, "--reason", "one\ntwo"])
    assert (result.exit_code, staffed.state(uid)) == (2, State.READY)
