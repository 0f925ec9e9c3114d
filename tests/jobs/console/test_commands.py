"""`flask jobs list|show|retry|cancel`."""

from __future__ import annotations

from click.testing import Result
from flask import Flask

from jobs import State
from tests.jobs.workshop import Workshop


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def run(app: Flask, staffed: Workshop, *words: str) -> Result:
    with staffed.host.inside():
        return app.test_cli_runner().invoke(args=["jobs", *words])


def test_jobs_are_listed_a_line_each(app: Flask, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), 1, 2)
    lines = run(app, staffed, "list", "--state", "queued").output.splitlines()
    assert [line.split()[:4] for line in lines] == [[uid, "Queued", "shop.note", "work"] for uid in uids[::-1]]
    assert run(app, staffed, "list", "--state", "failed").output == ""


def test_a_state_that_is_none_is_named(app: Flask, staffed: Workshop) -> None:
    refused = run(app, staffed, "list", "--state", "sleeping")
    assert refused.exit_code == 2
    assert "“sleeping” is not a state" in refused.output


def test_a_job_is_shown_with_its_tries(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.job(fail, max_retries=0), 7)
    staffed.work()
    shown = run(app, staffed, "show", uid)
    assert shown.exit_code == 0
    assert "Failed after 1 try. Last error: no 7" in shown.output
    assert "failed: ValueError: no 7" in shown.output
    assert "Traceback" not in shown.output
    assert "Traceback" in run(app, staffed, "show", uid, "--traceback").output


def test_jobs_are_retried_and_cancelled(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    assert run(app, staffed, "cancel", uid).output == f"{uid} cancelled\n"
    assert run(app, staffed, "retry", uid).output == f"{uid} retried\n"
    assert staffed.state(uid) == State.READY
    assert staffed.moves(uid) == ["cancelled by command line", "retried by command line"]
    with staffed.host.inside():
        told = [(one.by, one.action) for one in staffed.engine.audit.page()]
    assert told == [("command line", "retry"), ("command line", "cancel")]


def test_what_cannot_be_done_is_said(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    refused, missing = run(app, staffed, "retry", uid), run(app, staffed, "show", "nothing")
    assert (refused.exit_code, missing.exit_code) == (1, 1)
    assert f"{uid}: The job is ready" in refused.output
    assert "There is no job 'nothing'" in missing.output
