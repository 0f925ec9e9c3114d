"""`flask schedules` and `flask workflows`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from jobs import GiveUp, Job, State, Step, Workflow, chain
from jobs.testing import run_ready
from tests.jobs.workshop import Workshop

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Runs `flask …`."""
    return lambda *words: app.test_cli_runner().invoke(args=list(words))


@pytest.fixture
def job(staffed: Workshop) -> Job:
    return staffed.noting()


def good(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output.strip()


def told(result: Result) -> Any:
    return json.loads(good(result))


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    (line,) = result.output.splitlines()
    return line


def add(run: Run, *words: str, name: str = "hourly") -> str:
    return good(run("schedules", "add", name, "shop.note", "--arg", "number=1", *words))


# -- schedules ----------------------------------------------------------------------------------------------------


def test_a_schedule_is_added_listed_and_shown(run: Run, job: Job) -> None:
    uid = add(run, "--cron", "30 7 * * 1-5", "--zone", "Europe/Berlin", "--times", "9", "--overlap", "skip")
    listed = good(run("schedules", "list")).splitlines()
    assert listed[0].split() == ["ID", "NAME", "KIND", "RULE", "NEXT", "AT", "STATE"]
    assert [cell.strip() for cell in listed[1].split("  ") if cell][:4] == [
        uid, "hourly", job.name, "On weekdays at 07:30 (Europe/Berlin), at most 9 times",
    ]  # fmt: skip
    one = told(run("schedules", "show", uid, "--json"))
    assert [one[name] for name in ("rule_kind", "rule_text", "zone", "most_times", "overlap", "args")] == [
        "cron", "30 7 * * 1-5", "Europe/Berlin", 9, "skip", {"number": 1},
    ]  # fmt: skip
    assert "On weekdays at 07:30" in good(run("schedules", "show", uid))
    assert [each["id"] for each in told(run("schedules", "list", "--json"))["schedules"]] == [uid]
    assert told(run("schedules", "list", "--by", "ada", "--json")) == {"schedules": []}


def test_its_jobs_go_into_the_queue_that_is_named(run: Run, job: Job, staffed: Workshop) -> None:
    uid = add(run, "--every", "3 hours", "--queue", "default")
    assert told(run("schedules", "show", uid, "--json"))["queue"] == "default"
    assert staffed.entry(good(run("schedules", "run", uid))).queue == "default"
    words = ("schedules", "add", "other", "shop.note", "--arg", "number=1", "--every", "1 hour", "--queue", "nothing")
    assert refused(run(*words)) == "Error: queue: choose one of: default, work"


def test_it_is_paused_resumed_run_and_deleted(run: Run, job: Job, staffed: Workshop) -> None:
    uid = add(run, "--every", "3 hours")
    assert good(run("schedules", "pause", uid, "--reason", "holidays")) == f"{uid} paused"
    assert good(run("schedules", "list")).endswith("paused by command line: holidays")
    made = good(run("schedules", "run", uid))
    assert (staffed.entry(made).kind, staffed.state(made)) == (job.name, State.READY)
    assert good(run("schedules", "resume", uid)) == f"{uid} resumed"
    assert good(run("schedules", "list")).endswith("on")
    (ran,) = told(run("schedules", "show", uid, "--json"))["runs"]
    assert (ran["outcome"], ran["job"], ran["note"]) == ("fired", made, "by hand, by command line")
    assert good(run("schedules", "delete", uid)) == f"{uid} deleted"
    assert good(run("schedules", "list")) == ""
    assert staffed.state(made) == State.READY


def test_past_slots_are_made_up_for(run: Run, job: Job, staffed: Workshop) -> None:
    uid = add(run, "--cron", "0 * * * *")
    span = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T02:00:00Z")
    rows = [line.split() for line in good(run("schedules", "backfill", uid, *span)).splitlines()[1:]]
    assert [slot for slot, _ in rows] == [f"2026-01-01T0{hour}:00:00Z" for hour in range(3)]
    assert staffed.state(*(made for _, made in rows)) == [State.READY] * 3
    assert good(run("schedules", "backfill", uid, *span)) == ""


def test_a_preview_is_of_a_rule_or_of_a_schedule(run: Run, job: Job) -> None:
    rule = ("--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--starts", "2030-03-30T00:00:00Z")
    lines = good(run("schedules", "preview", *rule)).splitlines()
    assert lines[0] == "Every day at 02:30 (Europe/Berlin), from 30 March 2030"
    assert lines[3] == "2030-03-31T01:00:00Z  the clocks skip its time; moved to 03:00"
    assert told(run("schedules", "preview", add(run, *rule), "--json")) == told(
        run("schedules", "preview", *rule, "--json")
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "rule: say exactly one of every, cron, rrule and once"),
        (("--every", "1 hour", "--cron", "@daily"), "rule: say exactly one of every, cron, rrule and once"),
        (("--cron", "61 * * * *"), "cron: minute must be between 0 and 59, not '61'"),
        (("--cron", "@daily", "--zone", "Mars"), "zone: there is no time zone called Mars"),
    ],
)
def test_a_rule_that_is_none_is_refused(run: Run, job: Job, words: tuple[str, ...], sentence: str) -> None:
    found = run("schedules", "add", "hourly", job.name, "--arg", "number=1", *words)
    assert refused(found) == f"Error: {sentence}"
    assert told(run("schedules", "list", "--json")) == {"schedules": []}


def test_a_schedule_that_cannot_be_is_refused(run: Run, job: Job) -> None:
    add(run, "--cron", "@daily")
    taken = run("schedules", "add", "hourly", job.name, "--arg", "number=1", "--cron", "@daily")
    assert refused(taken) == "Error: There is a schedule called hourly already."
    assert (
        refused(run("schedules", "add", "x", "shop.none", "--cron", "@daily")) == "Error: No job is called shop.none."
    )
    missing = run("schedules", "add", "x", job.name, "--cron", "@daily")
    assert refused(missing) == "Error: shop.note: number is missing; it must be a whole number"
    for command in ("show", "pause", "resume", "run", "delete", "preview"):
        assert refused(run("schedules", command, "nothing")) == (
            "Error: There is no schedule nothing; it may have been forgotten."
        )


# -- workflows ----------------------------------------------------------------------------------------------------


def start(staffed: Workshop, *parts: Step, name: str = "flow") -> str:
    with staffed.host.transaction() as session:
        return staffed.engine.workflows.start(session, Workflow(name, chain(*parts)), requested_by="ada")


def test_workflows_are_listed_and_shown(run: Run, staffed: Workshop) -> None:
    def say(number: int) -> int:
        return number

    job = staffed.job(say)
    first, second = (start(staffed, Step(job, {"number": 1}), Step(job, {"number": 2}), name=name) for name in "ab")
    run_ready(staffed.engine)
    listed = good(run("workflows", "list")).splitlines()
    assert [line.split()[:5] for line in listed[1:]] == [
        [second, "b", "succeeded", "2", "2"], [first, "a", "succeeded", "2", "2"],
    ]  # fmt: skip
    page = told(run("workflows", "list", "--limit", "1", "--json"))
    assert ([one["id"] for one in page["workflows"]], page["below"]) == ([second], second)
    assert [one["id"] for one in told(run("workflows", "list", "--below", second, "--json"))["workflows"]] == [first]
    assert told(run("workflows", "list", "--state", "failed", "--json"))["workflows"] == []
    assert told(run("workflows", "list", "--by", "bob", "--json"))["workflows"] == []
    flow = told(run("workflows", "show", first, "--json"))
    assert (flow["name"], flow["results"]) == ("a", {"say 2": 2})
    assert [(one["name"], one["state"], one["after"]) for one in flow["step_list"]] == [
        ("say", "succeeded", []), ("say 2", "succeeded", ["say"]),
    ]  # fmt: skip
    assert good(run("workflows", "show", first)).splitlines()[-1].split()[:4] == ["say", "2", "succeeded", "1"]


def test_a_workflow_is_cancelled_and_retried(run: Run, staffed: Workshop) -> None:
    uid = start(staffed, Step(staffed.noting(), {"number": 1}))
    assert good(run("workflows", "cancel", uid)) == f"{uid} cancelled"
    assert refused(run("workflows", "cancel", uid)).startswith(f"Error: {uid}: The workflow is cancelled")
    assert good(run("workflows", "retry", uid)) == f"{uid} retried"
    run_ready(staffed.engine)
    assert staffed.effects() == [1]
    assert refused(run("workflows", "retry", uid)) == f"Error: {uid}: The workflow has succeeded."
    assert refused(run("workflows", "show", "nothing")) == (
        "Error: There is no workflow nothing; it may have been forgotten."
    )


def test_a_workflow_that_failed_says_where(run: Run, staffed: Workshop) -> None:
    def fail(number: int) -> None:
        raise GiveUp(f"no \x1b[31m{number}")

    uid = start(staffed, Step(staffed.job(fail), {"number": 7}, name="bad"))
    run_ready(staffed.engine)
    shown = good(run("workflows", "show", uid))
    assert shown.splitlines()[-1].endswith("no ·[31m7")
    assert told(run("workflows", "show", uid, "--json"))["failed_step"] == "bad"
