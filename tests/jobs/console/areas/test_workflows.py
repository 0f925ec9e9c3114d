"""Workflows on the console: as a list, as a picture, cancelled and retried."""

from __future__ import annotations

import dataclasses
import re

import pytest
from flask import Flask

from jobs import Step, Workflow, chain, group
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import Workshop

from .looking import done, get, part, post, said


@pytest.fixture
def flows(staffed: Workshop) -> Workshop:
    """A workshop with a kind that works and one that does not."""

    def fail(number: int) -> None:
        raise ValueError(f"no {number}")

    staffed.noting()
    staffed.job(fail, max_retries=0)
    return staffed


def start(shop: Workshop, *, fails: bool = False, width: int = 3) -> str:
    note, fail = shop.engine.job_named("shop.note"), shop.engine.job_named("shop.fail")
    first = Step(fail if fails else note, {"number": 0}, name="first")
    middle = [Step(note, {"number": number}, name=f"middle {number}") for number in range(width)]
    shape = chain(first, group(*middle), Step(note, {"number": 99}, name="last"))
    with shop.host.transaction() as session:
        return shop.engine.workflows.start(session, shape, requested_by="ada")


def test_nobody_started_one_yet(app: Flask) -> None:
    assert "No workflow has been started yet." in said(get(app, "/ops/workflows"))
    assert "No workflow is in this state." in said(get(app, "/ops/workflows?state=failed"))


def test_they_are_listed_by_state(app: Flask, flows: Workshop) -> None:
    running, failed = start(flows), start(flows, fails=True)
    flows.work()
    listed = {
        state: re.findall(r'<tr id="workflow-(\w+)"', get(app, f"/ops/workflows?state={state}").get_data(as_text=True))
        for state in ("", "succeeded", "failed", "nonsense")
    }
    both = [failed, running]
    assert listed == {"": both, "succeeded": [running], "failed": [failed], "nonsense": both}


def test_one_is_told_as_a_list_and_as_a_picture(app: Flask, flows: Workshop) -> None:
    uid = start(flows)
    page = get(app, f"/ops/workflows/{uid}")
    words, text = said(page), page.get_data(as_text=True)
    assert "Queued first shop.note" in words
    assert "Waits for others last shop.note; after middle 0, middle 1, middle 2" in words
    assert (text.count("<rect "), len(re.findall(r'<path d="M', text))) == (5, 6)
    assert '<g class="s-queued">' in text


def test_a_large_one_has_no_picture(app: Flask, flows: Workshop) -> None:
    uid = start(flows, width=130)
    page = get(app, f"/ops/workflows/{uid}")
    assert "More than 120 steps make no picture" in said(page)
    assert page.get_data(as_text=True).count('<li id="step-') == 100
    after = re.search(r"after=(\d+)", page.get_data(as_text=True))
    assert after is not None
    rest = get(app, f"/ops/workflows/{uid}?after={after[1]}")
    assert rest.get_data(as_text=True).count('<li id="step-') == 32


def test_it_is_cancelled_after_asking(app: Flask, flows: Workshop) -> None:
    uid = start(flows)
    assert "Cancel this workflow?" in said(get(app, f"/ops/workflows/{uid}/cancellations"))
    assert "It is being cancelled." in done(app, f"/ops/workflows/{uid}/cancellations", reason="a mistake")
    with flows.host.inside():
        assert flows.engine.workflows.look(uid).state == "cancelled"
        (row,) = flows.engine.audit.page()
    assert (row.by, row.action, row.details["reason"]) == ("Ada", "cancel", "a mistake")
    assert "Nothing was changed" in done(app, f"/ops/workflows/{uid}/cancellations")


def test_it_is_retried_from_where_it_failed(app: Flask, flows: Workshop) -> None:
    uid = start(flows, fails=True)
    flows.work()
    assert "it failed at first" in said(get(app, f"/ops/workflows/{uid}"))
    assert "5 steps run again" in said(get(app, f"/ops/workflows/{uid}/retries"))
    flows.engine.jobs["shop.fail"] = dataclasses.replace(flows.engine.jobs["shop.fail"], run=flows.note)
    flows.engine.broker.actors["shop.fail"].fn = flows.note
    done(app, f"/ops/workflows/{uid}/retries")
    flows.work()
    with flows.host.inside():
        assert flows.engine.workflows.look(uid).state == "succeeded"
    assert "Nothing was changed" in done(app, f"/ops/workflows/{uid}/retries")


def test_one_that_is_not_there_is_not_found(app: Flask) -> None:
    for uid in ("0" * 32, "x", "%F0%9F%8F%83", "a%00b"):
        for path in ("", "/cancellations", "/retries"):
            assert get(app, f"/ops/workflows/{uid}{path}").status_code == 404


def test_who_may_only_see_changes_nothing(app: Flask, flows: Workshop, guarded: GuardedHost) -> None:
    uid = start(flows)
    guarded.allowed = frozenset({"see"})
    assert "Cancel…" not in said(get(app, f"/ops/workflows/{uid}"))
    assert post(app, f"/ops/workflows/{uid}/cancellations").status_code == 403
    with flows.host.inside():
        assert flows.engine.workflows.look(uid).state == "running"


def test_it_asks_again_until_it_is_over(app: Flask, flows: Workshop) -> None:
    uid = start(flows)
    first = part(app, f"/ops/workflows/{uid}")
    assert "hx-trigger" in first.get_data(as_text=True)
    assert part(app, f"/ops/workflows/{uid}", first.headers["HX-PTag"]).status_code == 304
    flows.work()
    over = part(app, f"/ops/workflows/{uid}", first.headers["HX-PTag"])
    assert (over.status_code, "hx-trigger" in over.get_data(as_text=True)) == (200, False)


def test_names_are_only_text(app: Flask, flows: Workshop) -> None:
    note = flows.engine.job_named("shop.note")
    shape = Workflow("<script>alert(1)</script>", Step(note, {"number": 1}, name="<b>bold</b>"))
    with flows.host.transaction() as session:
        uid = flows.engine.workflows.start(session, shape)
    page = get(app, f"/ops/workflows/{uid}").get_data(as_text=True)
    assert ("<script>alert" in page, "<b>bold" in page) == (False, False)


def test_the_page_of_a_step_leads_to_its_workflow(app: Flask, flows: Workshop) -> None:
    uid = start(flows)
    job = re.search(r'href="(/ops/jobs/\w+)"', get(app, f"/ops/workflows/{uid}").get_data(as_text=True))
    assert job is not None
    assert f'<a href="/ops/workflows/{uid}">' in get(app, job[1]).get_data(as_text=True)
