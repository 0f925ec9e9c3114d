"""`flask operations`, `errors` and `audit`, and what `jobs`, `queues`, `kinds` and `workers` do to a few of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import update

from jobs import AuditRow, State
from tests.jobs.tampering import unguarded
from tests.jobs.workshop import QUEUE, Workshop

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Runs `flask …`."""
    return lambda *words: app.test_cli_runner().invoke(args=list(words))


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def line(result: Result, code: int = 0) -> str:
    assert result.exit_code == code, result.output
    (only,) = result.output.splitlines()
    return only


def cells(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [[cell.strip() for cell in row.split("  ") if cell] for row in result.output.splitlines()[1:]]


def test_every_group_says_what_it_is_for(run: Run) -> None:
    told_of = {row.split()[0]: row.split()[1:] for row in run("--help").output.splitlines() if row.startswith("  ")}
    groups = ("jobs", "queues", "kinds", "workers", "schedules", "workflows", "operations", "errors", "audit")
    assert [name for name in groups if not told_of[name]] == []


# -- single jobs --------------------------------------------------------------------------------------------------


def test_jobs_are_moved_and_rescheduled(run: Run, staffed: Workshop) -> None:
    first, second = staffed.submit(staffed.noting(), 1, 2)
    staffed.noting("other", queue="elsewhere")
    moved = run("jobs", "move", "elsewhere", first, second)
    assert moved.output == f"{first} waits in elsewhere\n{second} waits in elsewhere\n"
    assert [staffed.entry(uid).queue for uid in (first, second)] == ["elsewhere", "elsewhere"]
    at = "2030-01-01T01:00:00+01:00"
    assert line(run("jobs", "reschedule", at, first)).startswith(f"{first} starts at 2030-01-01T00:00:00Z")
    entry = staffed.entry(first)
    assert (entry.state, entry.run_at) == (State.SCHEDULED, datetime(2030, 1, 1, tzinfo=UTC))
    assert line(run("jobs", "move", "nowhere", first), 1) == f"Error: {first}: There is no queue called nowhere."
    assert line(run("jobs", "reschedule", at, "0" * 32), 1).startswith("Error: There is no job")
    assert run("jobs", "reschedule", "2030-01-01", first).exit_code == 2


# -- queues, kinds, workers ---------------------------------------------------------------------------------------


@pytest.fixture
def busy(staffed: Workshop) -> Workshop:
    """Two queues with a kind each, the second one paused; two workers and a scheduler."""
    staffed.submit(staffed.noting(), 1, 2)
    staffed.noting("other", queue="elsewhere")
    staffed.engine.pause(("queue", "elsewhere"), by="Ada", reason="a look")
    staffed.engine._heartbeat("worker", "here:worker:1", queues=[QUEUE], threads=4).beat()
    staffed.engine._heartbeat("worker", "here:worker:2", queues=["elsewhere"]).beat()
    staffed.engine._heartbeat("scheduler", "here:scheduler:3", queues=[]).beat()
    return staffed


def test_lists_are_narrowed(run: Run, busy: Workshop) -> None:
    def names(group: str, *words: str) -> list[str]:
        return [one["name"] for one in told(run(group, "list", "--json", *words))[group]]

    assert names("queues") == ["default", "elsewhere", "work"]
    assert [names("queues", *words) for words in (["--paused"], ["--not-paused"], ["--name", "WOR"])] == [
        ["elsewhere"], ["default", "work"], ["work"],
    ]  # fmt: skip
    assert [names("kinds", *words) for words in (["--queue", "elsewhere"], ["--name", "note"], ["--paused"])] == [
        ["shop.other"], ["shop.note"], [],
    ]  # fmt: skip
    assert [names("workers", *words) for words in (["--role", "scheduler"], ["--queue", "elsewhere"])] == [
        ["here:scheduler:3"], ["here:worker:2"],
    ]  # fmt: skip


def test_a_queue_is_shown(run: Run, busy: Workshop) -> None:
    shown = told(run("queues", "show", "work", "--json"))
    assert (shown["counts"]["ready"], shown["kinds"], shown["workers"]) == (2, ["shop.note"], ["here:worker:1"])
    facts = dict(row.split(maxsplit=1) for row in run("queues", "show", "elsewhere").output.splitlines())
    assert [facts[name] for name in ("queue", "ready", "paused", "kinds", "workers")] == [
        "elsewhere", "0", "by Ada: a look", "shop.other", "here:worker:2",
    ]  # fmt: skip
    assert line(run("queues", "show", "nowhere"), 1) == "Error: There is no queue called nowhere."


def test_a_kind_is_limited(run: Run, busy: Workshop) -> None:
    limit = ("kinds", "limit", "shop.note")
    assert line(run(*limit, "--running", "2", "--rate", "5/60")) == "shop.note: 2 at a time, 5 in 60 s"
    assert told(run("kinds", "show", "shop.note", "--json"))["most_running"] == 2
    assert line(run(*limit, "--none")) == "shop.note: none"
    assert run(*limit).exit_code == 2
    assert line(run("kinds", "limit", "shop.none", "--none"), 1) == "Error: There is no kind called shop.none."


def test_a_worker_is_shown_with_what_it_runs(run: Run, busy: Workshop) -> None:
    (claim,) = busy.claim()
    with busy.host.transaction() as session:
        session.merge(busy.entry(claim.uid)).worker = "here:worker:1"
    shown = told(run("workers", "show", "here:worker:1", "--json"))
    assert [shown[name] for name in ("name", "role", "threads")] == ["here:worker:1", "worker", 4]
    assert [(one["id"], one["kind"]) for one in shown["jobs"]] == [(claim.uid, "shop.note")]
    assert claim.uid in run("workers", "show", "here:worker:1").output
    assert told(run("workers", "show", "here:worker:2", "--json"))["jobs"] == []
    assert line(run("workers", "show", "nobody"), 1) == "Error: There is no process nobody; it may have been forgotten."


# -- many at once -------------------------------------------------------------------------------------------------


def test_an_operation_is_tried_started_followed_and_undone(run: Run, staffed: Workshop) -> None:
    note = staffed.noting()
    mine = staffed.submit(note, 1, 2, requested_by="ada")
    staffed.submit(note, 3, requested_by="bob")
    words = ("cancel", "kind:shop.note", "user:ada")
    tried = run("operations", "start", *words, "--dry-run")
    assert tried.output.splitlines()[0] == "2 jobs are meant."
    assert [row[0] for row in cells(tried)[1:]] == mine
    uid = line(run("operations", "start", *words, "--reason", "a mistake"))
    staffed.work(queue="default")
    shown = told(run("operations", "show", uid, "--json"))
    assert [shown[name] for name in ("id", "action", "state", "expected", "done")] == [uid, "cancel", "succeeded", 2, 2]
    assert [staffed.state(one) for one in mine] == [State.CANCELLED, State.CANCELLED]
    undo = line(run("operations", "undo", uid))
    assert line(run("operations", "cancel", undo)) == f"{undo} cancelled"
    listed = told(run("operations", "list", "--json", "--limit", "1"))
    assert [one["id"] for one in listed["operations"]] == [undo]
    rest = run("operations", "list", "--below", str(listed["below"]))
    assert [row[:3] for row in cells(rest)] == [[uid, "cancel", "succeeded"]]
    assert line(run("operations", "undo", uid), 1) == "Error: It was undone before."
    assert line(run("operations", "show", "x"), 1) == "Error: There is no operation x; it may have been forgotten."


def test_what_makes_no_sense_of_an_operation_is_said(run: Run, staffed: Workshop) -> None:
    staffed.noting()
    for words, said in {
        ("retry",): "Missing argument",
        ("paint", "kind:shop.note"): "'paint' is not one of",
        ("retry", "mood:good"): "“mood” is not understood",
        ("retry", "state:running"): "retrying does not work on jobs that are running",
        ("move", "kind:shop.note"): "queue: it goes with move",
        ("cancel", "kind:shop.note", "--priority", "1"): "priority: it goes with reprioritise",
    }.items():
        result = run("operations", "start", *words)
        assert (result.exit_code, said in result.output) == (2, True), (words, result.output)
    assert told(run("operations", "list", "--json"))["operations"] == []


def test_words_that_the_shell_has_unquoted_stay_together(run: Run, staffed: Workshop) -> None:
    staffed.submit(staffed.job(fail, max_retries=0), 1, 12)
    staffed.work()
    tried = run("operations", "start", "retry", "error:no 12", "state:failed", "--dry-run")
    assert tried.output.splitlines()[0] == "1 job is meant."


# -- errors -------------------------------------------------------------------------------------------------------


def test_errors_are_listed_muted_and_retried(run: Run, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.job(fail, max_retries=0), 1, 2)
    staffed.work()
    (error,) = told(run("errors", "list", "--json"))["errors"]
    known = {name: error[name] for name in ("count", "kind", "error_class", "is_muted")}
    assert known == {"count": 2, "kind": "shop.fail", "error_class": "ValueError", "is_muted": False}
    name = error["fingerprint"]
    assert line(run("errors", "mute", name, "--reason", "known")) == f"{name} muted"
    ((*_, is_muted),) = cells(run("errors", "list"))
    assert is_muted == "yes"
    for words, count in {("--muted",): 1, ("--not-muted",): 0, ("--kind", "shop.fail"): 1, ("--kind", "x"): 0}.items():
        assert len(told(run("errors", "list", "--json", *words))["errors"]) == count
    assert line(run("errors", "unmute", name)) == f"{name} unmuted"
    assert line(run("errors", "unmute", name)) == f"{name} was not muted"
    operation = line(run("errors", "retry", name))
    staffed.work(queue="default")
    assert told(run("operations", "show", operation, "--json"))["done"] == 2
    assert [staffed.state(uid) for uid in uids] == [State.READY, State.READY]
    for command in ("mute", "retry"):
        assert line(run("errors", command, "f" * 16), 1).startswith("Error: There is no error")


# -- audit --------------------------------------------------------------------------------------------------------


def test_the_audit_log_is_listed_and_checked(run: Run, staffed: Workshop) -> None:
    staffed.noting()
    until = datetime.now(UTC) + timedelta(hours=1)
    staffed.engine.pause(("queue", QUEUE), by="Ada", reason="disk", until=until)
    staffed.engine.resume(("queue", QUEUE), by="Ben")
    listed = told(run("audit", "list", "--json", "--limit", "1"))
    assert [(one["id"], one["by"], one["action"], one["subject"]) for one in listed["entries"]] == [
        (2, "Ben", "resume", f"queue {QUEUE}")
    ]
    rest = cells(run("audit", "list", "--below", str(listed["below"])))
    assert [row[:5] for row in rest] == [["1", rest[0][1], "Ada", "system", "pause"]]
    assert line(run("audit", "check")).startswith("The log is whole: 2 entries, ")
    assert told(run("audit", "check", "--json"))["is_whole"] is True
    with staffed.host.transaction() as session, unguarded(session):
        session.execute(update(AuditRow).where(AuditRow.id == 1).values(by="Eve"))
    assert line(run("audit", "check"), 1).startswith("The log was changed at number 1: ")
    broken = run("audit", "check", "--json")
    assert (broken.exit_code, json.loads(broken.output)["broken_id"]) == (1, 1)
