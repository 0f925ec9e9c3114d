"""`flask jobs`, `flask queues`, `flask kinds` and `flask workers`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import create_engine

from jobs import State, current
from jobs.console.cli import printing
from jobs.ledger.models import LogRow
from tests.jobs.workshop import Workshop

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Runs `flask …`."""
    return lambda *words: app.test_cli_runner().invoke(args=list(words))


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def lines(result: Result) -> list[list[str]]:
    """The rows of a table, without their heading, cut where there are two blanks."""
    assert result.exit_code == 0, result.output
    return [[cell for cell in line.split("  ") if cell] for line in result.output.splitlines()[1:]]


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    (line,) = result.output.splitlines()
    return line


# -- jobs ---------------------------------------------------------------------------------------------------------


def test_jobs_are_listed_a_line_each(run: Run, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), 1, 2)
    found = run("jobs", "list", "--state", "queued")
    assert found.output.split()[:5] == ["ID", "STATE", "KIND", "QUEUE", "PRIORITY"]
    assert [[cell.strip() for cell in row[:5]] for row in lines(found)] == [
        [uid, "Queued", "shop.note", "work", "5"] for uid in uids[::-1]
    ]
    assert run("jobs", "list", "--state", "failed").output == ""


def test_jobs_are_listed_by_filter_and_page(run: Run, staffed: Workshop) -> None:
    note, other = staffed.noting(), staffed.noting("other", queue="elsewhere")
    hers = staffed.submit(note, 1, 2, 3, requested_by="ada")
    his = staffed.submit_one(other, requested_by="bob")

    def ids(*words: str) -> list[str]:
        return [one["id"] for one in told(run("jobs", "list", "--json", *words))["jobs"]]

    assert ids() == [his, *hers[::-1]]
    assert ids("--by", "ada") == hers[::-1]
    assert ids("--kind", "shop.other") == [his]
    assert ids("--queue", "elsewhere") == [his]
    first = told(run("jobs", "list", "--limit", "3", "--json"))
    assert [one["id"] for one in first["jobs"]] == [his, *hers[:0:-1]]
    assert ids("--limit", "3", "--below", first["below"]) == hers[:1]


def test_a_state_that_is_none_is_named(run: Run) -> None:
    found = run("jobs", "list", "--state", "sleeping")
    assert found.exit_code == 2
    assert "“sleeping” is not a state" in found.output


def test_a_job_is_shown_with_its_tries(run: Run, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.job(fail, max_retries=0), 7)
    staffed.work()
    shown = run("jobs", "show", uid)
    assert shown.exit_code == 0
    assert "Failed after 1 try. Last error: no 7" in shown.output
    assert "failed: ValueError: no 7" in shown.output
    assert "Traceback" not in shown.output
    assert "Traceback" in run("jobs", "show", uid, "--traceback").output
    look = told(run("jobs", "show", uid, "--json", "--traceback"))
    assert [look[name] for name in ("id", "kind", "state", "args", "failures")] == [
        uid, "shop.fail", "dead", {"number": 7}, 1,
    ]  # fmt: skip
    assert "Traceback" in look["tries"][0]["traceback"]


def test_a_job_is_shown_with_what_it_logged_so_far(run: Run, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.claim()
    with staffed.host.transaction() as session:
        lines = "12:00:00.000 info one\n12:00:01.000 info to bob@example.org"
        session.add(LogRow(job_id=staffed.entry(uid).id, attempt=1, lines=lines, dropped=3))
    told_of_it = ["Log of try 1, without the first 3:", "12:00:00.000 info one", "12:00:01.000 info to b…@example.org"]
    assert run("jobs", "show", uid, "--log").output.splitlines()[-3:] == told_of_it
    assert "Log of try" not in run("jobs", "show", uid).output
    log = told(run("jobs", "show", uid, "--log", "--json"))["log"]
    assert log == [{"attempt": 1, "dropped": 3, "lines": told_of_it[1:]}]


def test_a_job_that_nobody_knows_says_why_it_waits(run: Run, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    assert "No worker of this build" not in run("jobs", "show", uid).output
    del staffed.engine.jobs["shop.note"]
    assert "No worker of this build knows this kind." in run("jobs", "show", uid).output


def test_what_somebody_sent_does_nothing_to_the_terminal(run: Run, staffed: Workshop) -> None:
    def speak(text: str, password: str) -> None:
        raise ValueError(f"\x1b[2J{text}")

    job = staffed.job(speak, max_retries=0)
    uid = told_id(run("jobs", "run", job.name, "--arg", "text=\x1b]0;owned\x07", "--arg", "password=hush"))
    staffed.work()
    for words in (("show", uid), ("list",), ("show", uid, "--json")):
        output = run("jobs", *words).output
        assert "\x1b" not in output
        assert "hush" not in output


def told_id(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output.strip()


def test_a_job_is_run(run: Run, staffed: Workshop) -> None:
    def mix(number: int, text: str, values: list[int]) -> None: ...

    staffed.job(mix)
    named = ("--arg", "number=3", "--arg", "text=7", "--arg", "values=[1]")
    uid = told_id(run("jobs", "run", "shop.mix", *named, "--priority", "1", "--at", "2030-01-01T00:00:00Z"))
    entry = staffed.entry(uid)
    assert (entry.args, entry.priority, entry.state) == ({"number": 3, "text": "7", "values": [1]}, 1, State.SCHEDULED)
    whole = '{"number": 1, "text": "a", "values": []}'
    assert staffed.entry(told_id(run("jobs", "run", "shop.mix", "--args", whole))).args == json.loads(whole)
    assert refused(run("jobs", "run", "shop.mix", *named[:4])) == (
        "Error: shop.mix: values is missing; it must be a list (a whole number each)"
    )
    assert refused(run("jobs", "run", "shop.none")) == "Error: No job is called shop.none."
    for words in (["--args", "{"], ["--args", "[]"], ["--arg", "number"], ["--priority", "10"], ["--at", "2030-01-01"]):
        assert run("jobs", "run", "shop.mix", *words).exit_code == 2, words


def test_jobs_are_retried_cancelled_and_put_forward(run: Run, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), 1, 2)
    assert run("jobs", "cancel", *uids).output == "".join(f"{uid} cancelled\n" for uid in uids)
    assert run("jobs", "retry", uids[0]).output == f"{uids[0]} retried\n"
    assert run("jobs", "priority", "0", uids[0]).output == f"{uids[0]} has priority 0\n"
    assert (staffed.state(uids[0]), staffed.entry(uids[0]).priority) == (State.READY, 0)
    assert staffed.moves(uids[0]) == [
        "cancelled by command line", "retried by command line", "priority 0 by command line",
    ]  # fmt: skip
    with staffed.host.inside():
        audited = [(one.by, one.action) for one in staffed.engine.audit.page()]
    assert audited == [("command line", action) for action in ("reprioritise", "retry", "cancel", "cancel")]


def test_what_runs_is_asked_to_end(run: Run, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.claim()
    assert run("jobs", "cancel", uid).output == f"{uid} asked to end\n"
    assert staffed.entry(uid).cancel_requested_by == printing.BY


def test_what_cannot_be_done_is_said(run: Run, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    assert refused(run("jobs", "retry", uid)).startswith(f"Error: {uid}: The job is ready")
    for command in (("show",), ("retry",), ("cancel",), ("priority", "3")):
        for strange in ("nothing", "0" * 32, "x\x00"):
            assert refused(run("jobs", *command, strange)).startswith("Error: There is no job '")


# -- queues, kinds, workers ---------------------------------------------------------------------------------------


def test_queues_are_listed_paused_and_limited(run: Run, staffed: Workshop) -> None:
    staffed.submit(staffed.noting(), 1, 2)
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert run("queues", "pause", "work", "--reason", "new disk", "--until", until).output == "work paused\n"
    assert (
        run("queues", "limit", "work", "--running", "3", "--rate", "10/60").output == "work: 3 at a time, 10 in 60 s\n"
    )
    queue = next(one for one in told(run("queues", "list", "--json"))["queues"] if one["name"] == "work")
    assert queue["counts"] == {"blocked": 0, "scheduled": 0, "ready": 2, "running": 0}
    assert [queue[name] for name in ("is_paused", "paused_by", "pause_reason", "most_running", "rate_count")] == [
        True, "command line", "new disk", 3, 10,
    ]  # fmt: skip
    row = next(cells for cells in lines(run("queues", "list")) if cells[0].strip() == "work")
    assert [cell.strip() for cell in row][-2:] == ["3 at a time, 10 in 60 s", "by command line: new disk"]
    assert run("queues", "resume", "work").output == "work resumed\n"
    assert run("queues", "resume", "work").output == "work was not paused\n"
    assert run("queues", "limit", "work", "--none").output == "work: none\n"


def test_a_limit_that_is_none_is_refused(run: Run, staffed: Workshop) -> None:
    staffed.noting()
    for words in ([], ["--none", "--running", "1"], ["--rate", "x"], ["--rate", "0/60"], ["--running", "-1"]):
        assert run("queues", "limit", "work", *words).exit_code == 2, words
    for words in (("pause", "none"), ("resume", "none"), ("limit", "none", "--none")):
        assert refused(run("queues", *words)) == "Error: There is no queue called none."


def test_kinds_are_listed_shown_and_paused(run: Run, staffed: Workshop) -> None:
    def greet(name: str, times: int = 1) -> None:
        """Greet somebody.

        At length.
        """

    staffed.job(greet, max_retries=2, aliases=["shop.hello"])
    row = next(cells for cells in lines(run("kinds", "list")) if cells[0].strip() == "shop.greet")
    assert [cell.strip() for cell in row] == ["shop.greet", "work", "5", "2", "none", "no", "Greet somebody."]
    shown = run("kinds", "show", "shop.greet").output
    assert "Greet somebody." in shown
    assert 'aliases        ["shop.hello"]' in shown
    assert [line.split() for line in shown.splitlines()[-2:]] == [
        ["name", "string", "yes"],
        ["times", "integer", "no", "1"],
    ]
    assert told(run("kinds", "show", "shop.greet", "--json"))["arguments"]["required"] == ["name"]
    assert [one["name"] for one in told(run("kinds", "list", "--json"))["kinds"]] == ["jobs.bulk", "shop.greet"]
    assert run("kinds", "pause", "shop.greet").output == "shop.greet paused\n"
    assert told(run("kinds", "show", "shop.greet", "--json"))["is_paused"] is True
    assert run("kinds", "resume", "shop.greet").output == "shop.greet resumed\n"
    assert refused(run("kinds", "show", "shop.none")) == "Error: No job is called shop.none."


def test_workers_are_listed(run: Run, staffed: Workshop) -> None:
    assert run("workers", "list").output == ""
    heartbeat = staffed.engine._heartbeat("worker", "here:1", queues=["work"])
    heartbeat.beat()
    (row,) = lines(run("workers", "list"))
    assert [cell.strip() for cell in row][:3] == ["here:1", "worker", "work"]
    (worker,) = told(run("workers", "list", "--json"))["workers"]
    assert (worker["name"], worker["role"]) == ("here:1", "worker")


def test_a_database_that_is_away_is_said_in_a_line(run: Run, staffed: Workshop) -> None:
    away = create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    staffed.host.autocommit = away.execution_options(isolation_level="AUTOCOMMIT")
    for words in (("jobs", "list"), ("queues", "list"), ("schedules", "list"), ("workflows", "list")):
        assert refused(run(*words)).startswith("Error: The database does not answer: ")


# -- watch --------------------------------------------------------------------------------------------------------


def test_one_look_tells_of_queues_and_of_what_runs(run: Run, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), 1, 2)
    staffed.claim()
    look = told(run("jobs", "watch", "--once"))
    assert look["queues"]["work"] == {"paused": False, "blocked": 0, "scheduled": 0, "ready": 1, "running": 1}
    assert [(one["id"], one["kind"], one["worker"], one["percent"]) for one in look["running"]] == [
        (uids[0], "shop.note", "hand", None)
    ]


def test_progress_is_told(staffed: Workshop, run: Run) -> None:
    seen: list[Any] = []

    def walk(number: int) -> None:
        current().progress(1, 4, "a quarter")
        seen.append(told(run("jobs", "watch", "--once"))["running"])

    staffed.submit_one(staffed.job(walk, atomic=False))
    staffed.work()
    ((running,),) = seen
    assert (running["percent"], running["note"]) == (25.0, "a quarter")


def test_each_change_is_a_line_until_it_is_stopped(
    run: Run, staffed: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, slept = staffed.noting(), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            staffed.submit_one(note)
        if len(slept) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("jobs.console.cli.watch.sleep", sleep)
    result = run("jobs", "watch")
    assert result.exit_code == 0
    looks = [json.loads(line) for line in result.output.splitlines() if line]
    assert [look["queues"]["work"]["ready"] for look in looks] == [0, 1]


def test_what_is_personal_is_masked_wherever_it_is_printed(run: Run, staffed: Workshop) -> None:
    def write(address: str, text: str) -> None:
        raise ValueError(f"no {text} at ada@example.org by https://me:pass@example.org")

    job = staffed.job(write, max_retries=0)
    uid = told_id(run("jobs", "run", job.name, "--arg", "address=Elm Street 5", "--arg", "text=to bob@example.org"))
    staffed.work()
    words = ["jobs", "show", uid, "--traceback"]
    listed = ["errors", "list"]
    for args in (words, [*words, "--json"], listed, [*listed, "--json"]):
        printed = run(*args).output
        assert [one for one in ("ada@", "bob@", "me:pass", "Elm Street") if one in printed] == [], args
        assert "@example.org" in printed
    assert "raise ValueError" in run(*words).output
    assert json.loads(run(*words, "--json").output)["args"] == {"address": "E…", "text": "to b…@example.org"}
