"""The page of one job: why it is as it is, and what can be done."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from jobs import Job, JobRequest, State
from jobs.console import traces
from jobs.ledger.models import LogRow
from tests.jobs.workshop import Workshop

from .asked import get, part, post, text_of
from .conftest import GuardedHost

log = logging.getLogger("tests.jobs")


def write(number: int, email: str = "", api_key: str = "") -> str:
    log.info("read a row", extra={"number": number, "api_key": "hush"})
    return email


def fail(number: int, email: str = "") -> None:
    log.warning("about to fail for %s", "zoe@example.org")
    raise ValueError(f"no {number}")


@pytest.fixture(autouse=True)
def _logs_are_heard() -> None:
    logging.getLogger().setLevel(logging.INFO)


@pytest.fixture
def manager(guarded: GuardedHost) -> GuardedHost:
    """The host, open to somebody who may do everything."""
    guarded.allowed = frozenset({"see", "act", "manage"})
    return guarded


def submitted(staffed: Workshop, job: Job, **args: object) -> str:
    return staffed.engine.enqueue(JobRequest(job, args))


def test_what_a_job_logs_is_kept_with_its_try(app: Flask, staffed: Workshop) -> None:
    good = submitted(staffed, staffed.job(write), number=7)
    bad = submitted(staffed, staffed.job(fail, max_retries=0), number=1)
    staffed.work()
    line = r"Log Try 1 \d\d:\d\d:\d\d\.\d{3} info read a row number=7 api_key=… "
    assert re.search(line, text_of(get(app, f"/ops/jobs/{good}")))
    said = text_of(get(app, f"/ops/jobs/{bad}"))
    assert "warning about to fail for z…@example.org" in said
    assert "read a row" not in said


def test_what_a_running_job_logs_comes_to_its_page(app: Flask, staffed: Workshop) -> None:
    uid = submitted(staffed, staffed.noting(), number=1)
    here = f"/ops/jobs/{uid}"
    staffed.claim()
    quiet, nothing = part(app, here), part(app, f"{here}/log")
    assert ("HX-Trigger" in quiet.headers, text_of(nothing)) == (False, "")
    logged(staffed, uid, "12:00:00.000 info hello zoe@example.org")
    changed = part(app, here, quiet.headers["HX-PTag"])
    assert (changed.status_code, changed.headers["HX-Trigger"]) == (200, "job-logged")
    told = part(app, f"{here}/log", nothing.headers["HX-PTag"])
    assert text_of(told) == "Log Try 1, so far 12:00:00.000 info hello z…@example.org"
    assert part(app, f"{here}/log", told.headers["HX-PTag"]).status_code == 304
    assert 'hx-trigger="job-logged from:body"' in told.get_data(as_text=True)
    assert text_of(told) in text_of(get(app, here))


def logged(staffed: Workshop, uid: str, line: str) -> None:
    with staffed.host.transaction() as session:
        session.add(LogRow(job_id=staffed.entry(uid).id, attempt=1, lines=line))


def test_what_is_personal_is_masked_until_it_is_revealed_which_is_noted(app: Flask, staffed: Workshop) -> None:
    uid = submitted(staffed, staffed.job(write), number=1, email="zoe@example.org", api_key="hush")
    staffed.work()
    masked = get(app, f"/ops/jobs/{uid}").get_data(as_text=True)
    assert ("zoe@example.org" in masked, "z…@example.org" in masked, "hush" in masked) == (False, True, False)
    revealed = post(app, f"/ops/jobs/{uid}/revelations")
    assert revealed.headers["Cache-Control"] == "no-store"
    told = revealed.get_data(as_text=True)
    assert ("zoe@example.org" in told, "hush" in told) == (True, False)
    with staffed.host.inside():
        noted = [(one.by, one.action, one.subject) for one in staffed.engine.audit.page()]
    assert noted == [("Ada", "reveal", f"job {uid}")]


def test_a_result_that_was_not_kept_is_told_of(app: Flask, staffed: Workshop) -> None:
    uid = submitted(staffed, staffed.job(write), number=1)
    staffed.work()
    assert staffed.engine.let_results_go(keep_s=-1) == 1
    page = get(app, f"/ops/jobs/{uid}").get_data(as_text=True)
    assert re.search(r"Its result was kept for a while, and is gone since \d{4}-\d\d-\d\d \d\d:\d\d", page)


def test_a_job_is_edited_and_run_again_as_a_new_one(app: Flask, manager: GuardedHost, staffed: Workshop) -> None:
    old = submitted(staffed, staffed.job(fail, max_retries=0), number=1, email="zoe@example.org")
    staffed.work()
    form = get(app, f"/ops/jobs/{old}/copies").get_data(as_text=True)
    assert "z…@example.org" in form
    made = post(app, f"/ops/jobs/{old}/copies", args='{"number": 2, "email": "z…@example.org"}', priority="1")
    new = made.headers["Location"].rpartition("/")[2]
    entry = staffed.entry(new)
    assert (entry.args, entry.priority, entry.retry_of) == (
        {"number": 2, "email": "zoe@example.org"},
        1,
        staffed.entry(old).id,
    )
    assert f"a copy of {old[:8]}…" in text_of(get(app, f"/ops/jobs/{new}"))
    assert f"Copied as {new[:8]}… Queued" in text_of(get(app, f"/ops/jobs/{old}"))
    assert staffed.state(old) == State.DEAD
    with staffed.host.inside():
        details = staffed.engine.audit.page()[0].told
    assert (details["before"]["number"], details["after"]["number"]) == (1, 2)


@pytest.mark.parametrize(
    ("args", "priority", "sentence"),
    [
        ('{"number": "x"}', "5", "number must be a whole number"),
        ('{"number": 1, "colour": 1}', "5", "colour is not an argument of this job"),
        ("{", "5", "arguments are no JSON"),
        ("[1]", "5", "arguments must be one object"),
        ('{"number": NaN}', "5", "arguments are no JSON: NaN is no number"),
        ('{"number": 1, "email": "a\\u0000b"}', "5", "arguments hold signs that cannot be stored"),
        ('{"number": 1, "email": "\\ud800"}', "5", "arguments hold signs that cannot be stored"),
        ("[" * 20_000, "5", "arguments are no JSON"),
        ('{"number": 1}', "12", "priority must be 0 to 9"),
    ],
)
def test_arguments_that_do_not_fit_are_named(
    app: Flask, manager: GuardedHost, staffed: Workshop, args: str, priority: str, sentence: str
) -> None:
    old = submitted(staffed, staffed.job(write), number=1)
    answer = post(app, f"/ops/jobs/{old}/copies", args=args, priority=priority)
    assert (answer.status_code, sentence in text_of(answer)) == (422, True)


def test_a_scheduled_job_is_run_now(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting(), run_at=datetime.now(UTC) + timedelta(days=1))
    assert "Run now…" in text_of(get(app, f"/ops/jobs/{uid}"))
    assert post(app, f"/ops/jobs/{uid}/starts").status_code == 303
    staffed.engine.relay.promote()
    staffed.work()
    assert staffed.state(uid) == State.SUCCEEDED
    assert post(app, f"/ops/jobs/{uid}/starts").status_code == 409


def test_what_cannot_be_done_says_why(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.work()
    said = text_of(get(app, f"/ops/jobs/{uid}"))
    reasons = [
        "Retry (it is done)",
        "Run now (it is done)",
        "Cancel (it is done)",
        "Move (only what waits can be moved)",
    ]
    assert [one in said for one in reasons] == [True] * 4


def test_a_job_that_runs_is_asked_to_end(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting())
    staffed.claim()
    assert post(app, f"/ops/jobs/{uid}/cancellations").status_code == 303
    assert (staffed.state(uid), staffed.moves(uid)) == (State.RUNNING, ["asked to stop by Ada"])
    assert "Cancel (it was asked to end)" in text_of(get(app, f"/ops/jobs/{uid}"))


def test_the_version_that_failed_is_told(app: Flask, staffed: Workshop) -> None:
    staffed.engine.runner._version = "1.2.3"
    uid = staffed.submit_one(staffed.job(fail, max_retries=0))
    staffed.work()
    assert "last in version 1.2.3" in text_of(get(app, f"/ops/jobs/{uid}"))


TRACE = """Traceback (most recent call last):
  File "/srv/.venv/lib/python3.11/site-packages/dramatiq/actor.py", line 1, in __call__
    return self.fn()
  File "/srv/jobs/dispatch/runner.py", line 2, in _call
    return run()
  File "/srv/app/activities/services.py", line 3, in count
    raise ValueError("no")
ValueError: no"""


def test_a_traceback_is_read_with_the_frames_of_libraries_folded() -> None:
    assert [(one.is_ours, one.frames) for one in traces.passages(TRACE)] == [(True, 0), (False, 2), (True, 1)]
    assert "\n".join(one.text for one in traces.passages(TRACE)) == TRACE
    assert list(traces.passages("")) == []
