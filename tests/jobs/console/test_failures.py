"""Errors that are the same, together: told, run again, muted."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from jobs import State
from tests.jobs.workshop import Workshop

from .asked import get, part, post, text_of
from .conftest import GuardedHost


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def break_(number: int) -> None:
    raise TimeoutError("too late")


@pytest.fixture
def dead(staffed: Workshop) -> list[str]:
    """Two jobs with one error, one with another."""
    staffed.engine.version = staffed.engine.runner._version = "1.0"
    failing = staffed.job(fail, max_retries=0)
    first = [staffed.submit_one(failing, n, requested_by=f"user {n}") for n in (1, 2)]
    uids = [*first, staffed.submit_one(staffed.job(break_, max_retries=0))]
    staffed.work()
    return uids


def print_of(staffed: Workshop, uid: str) -> str:
    return str(staffed.entry(uid).error_fingerprint)


def test_nothing_has_failed_is_good_news(app: Flask) -> None:
    assert "Nothing has failed. Good." in text_of(get(app, "/ops/failures"))


def test_alike_errors_are_one(app: Flask, dead: list[str]) -> None:
    said = text_of(get(app, "/ops/failures"))
    assert "ValueError 2 jobs no 2 2 in the last 24 hours, 2 in the worst one Kind shop.fail" in said
    assert "TimeoutError 1 job too late" in said
    assert "Versions 1.0 People touched 2" in said


def test_a_group_is_run_again(app: Flask, staffed: Workshop, dead: list[str]) -> None:
    data = {"action": "retry", "all": "1", "q": f"error:{print_of(staffed, dead[0])}"}
    assert "Run 2 jobs again?" in text_of(get(app, "/ops/jobs/chosen?" + "&".join(f"{k}={v}" for k, v in data.items())))
    assert post(app, "/ops/jobs/chosen", **data, number="2").status_code == 303
    staffed.work("default")
    assert staffed.state(*dead) == [State.READY, State.READY, State.DEAD]


def test_a_muted_error_is_hidden_until_another_version_runs(app: Flask, staffed: Workshop, dead: list[str]) -> None:
    path = f"/ops/failures/{print_of(staffed, dead[0])}/mute"
    assert "Mute this error?" in text_of(get(app, path))
    assert post(app, path, reason="known").status_code == 303
    said = text_of(get(app, "/ops/failures"))
    assert ("ValueError" in said, "TimeoutError" in said, "Show muted 1" in said) == (False, True, True)
    assert "Muted by Ada" in text_of(get(app, "/ops/failures?muted=1"))
    staffed.engine.version = "2.0"
    assert "ValueError 2 jobs" in text_of(get(app, "/ops/failures"))
    with staffed.host.inside():
        noted = [(one.action, one.told) for one in staffed.engine.audit.page()]
    after = {"is_muted": True, "version": "1.0", "by": "Ada"}
    assert noted == [("mute", {"before": {"is_muted": False}, "after": after, "reason": "known"})]


def test_a_muted_error_is_shown_again(app: Flask, staffed: Workshop, dead: list[str]) -> None:
    path = f"/ops/failures/{print_of(staffed, dead[0])}"
    post(app, f"{path}/mute")
    assert post(app, f"{path}/unmute").status_code == 303
    assert "ValueError 2 jobs" in text_of(get(app, "/ops/failures"))


@pytest.mark.parametrize("print_", ["0" * 16, "x", "a%00b", "1" * 400])
def test_an_error_that_is_not_there_is_not_found(app: Flask, print_: str) -> None:
    assert get(app, f"/ops/failures/{print_}/mute").status_code == 404
    assert post(app, f"/ops/failures/{print_}/mute").status_code == 404


def test_a_reason_that_is_too_long_is_refused(app: Flask, staffed: Workshop, dead: list[str]) -> None:
    answer = post(app, f"/ops/failures/{print_of(staffed, dead[0])}/mute", reason="x" * 201)
    assert (answer.status_code, "Give up to 200 signs" in text_of(answer)) == (422, True)


def test_who_may_only_see_is_offered_nothing(app: Flask, guarded: GuardedHost, dead: list[str]) -> None:
    guarded.allowed = frozenset({"see"})
    said = text_of(get(app, "/ops/failures"))
    assert ("ValueError 2 jobs" in said, "Retry all" in said) == (True, False)


def test_what_does_not_change_is_not_drawn_again(app: Flask, staffed: Workshop, dead: list[str]) -> None:
    tag = part(app, "/ops/failures").headers["HX-PTag"]
    assert part(app, "/ops/failures", tag).status_code == 304
    staffed.submit(staffed.engine.jobs["shop.fail"], 3)
    staffed.work()
    assert part(app, "/ops/failures", tag).status_code == 200


def test_errors_that_do_not_fit_on_a_page_are_on_the_next(
    app: Flask, dead: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.console.failure_pages.MOST_SHOWN", 1)
    first = get(app, "/ops/failures")
    [following] = re.findall(r'href="(/ops/failures\?next=\d+)"', first.get_data(as_text=True))
    assert ("TimeoutError" in text_of(first), "ValueError" in text_of(first)) == (True, False)
    second = get(app, following)
    assert ("TimeoutError" in text_of(second), "ValueError" in text_of(second)) == (False, True)
    assert ("First page" in text_of(second), "Next page" in text_of(second)) == (True, False)
    assert "No other error is older." in text_of(get(app, "/ops/failures?next=0"))
    for odd in ("x", "-1", "9" * 30, "%00"):
        assert "TimeoutError" in text_of(get(app, f"/ops/failures?next={odd}"))
