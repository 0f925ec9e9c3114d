"""The workbench as a page: by hand, by htmx, with wrong input, and for those who may not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import update

from app.db import transaction
from app.workbench import kinds
from jobs import Entry, engine_of
from tests.app.activities.conftest import Program
from tests.app.conftest import Browser, errors_of, text_of

from .conftest import told

RunJobs = Callable[[], None]
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
LONG = {"arg_total_steps": "2", "arg_step_ms": "0"}


def run_of(browser: Browser, name: str, **typed: str) -> str:
    """Start a kind through its form; the address of its page."""
    answer = browser.post(f"/workbench/{name}/runs", {f"arg_{field}": text for field, text in typed.items()})
    assert answer.status_code == 303, errors_of(answer)
    return answer.headers["Location"]


@pytest.mark.parametrize("kind", kinds.ALL, ids=lambda kind: kind.name)
def test_every_kind_has_a_form_that_names_its_arguments(ada: Browser, kind: kinds.Kind) -> None:
    page = ada.get(f"/workbench/{kind.name}")
    shown = re.findall(r'name="arg_(\w+)"', page.get_data(as_text=True))
    assert (page.status_code, shown) == (200, list(kind.bounds))
    assert kind.says in text_of(page)


def test_kinds_for_admins_are_not_there_for_others(cleo: Browser) -> None:
    for_staff = [kind for kind in kinds.ALL if kind.is_for_staff]
    text = text_of(cleo.get("/workbench/"))
    assert [kind.title for kind in for_staff if kind.title in text] == []
    assert {cleo.get(f"/workbench/{kind.name}").status_code for kind in for_staff} == {404}
    assert {cleo.post(f"/workbench/{kind.name}/runs").status_code for kind in for_staff} == {404}
    assert "Multiply" in text


def test_without_script_it_starts_and_is_looked_at(ada: Browser, run_jobs: RunJobs) -> None:
    address = run_of(ada, "chord", data="1 2, 3\n4", chunk_size="3")
    assert "0 of 4 steps" in text_of(ada.get(address))
    run_jobs()
    page = ada.get(address)
    assert '"mean": 2.5' in text_of(page)
    assert "hx-trigger" not in page.get_data(as_text=True).partition('id="run"')[2].partition("</section>")[0]
    assert "Chord" in text_of(ada.get("/workbench/"))


@pytest.mark.parametrize(
    ("kind", "typed"),
    [("add", {"x": "1", "y": "2"}), ("chain", {"value": "1"}), ("group", {"numbers": "1 2"})],
)
def test_a_result_that_was_not_kept_is_told_of(
    app: Flask, ada: Browser, run_jobs: RunJobs, kind: str, typed: dict[str, str]
) -> None:
    address = run_of(ada, kind, **typed)
    run_jobs()
    engine_of(app).let_results_go(keep_s=-1)
    said = text_of(ada.get(address))
    assert "What came of it was kept for a while, and is gone since" in said
    assert "Result" not in said
    older = ada.get(f"/api/task-status/{address.rpartition('/')[2]}/").json
    assert older is not None
    assert (older["status"], older["result"], older["result_gone_at"] is None) == ("SUCCESS", None, False)


def test_with_script_the_result_region_appears_and_settles(ada: Browser, run_jobs: RunJobs) -> None:
    answer = ada.part("/workbench/long_task/runs", LONG)
    markup = answer.get_data(as_text=True)
    found = re.search(
        r'id="run".*?hx-get="(/workbench/runs/\w+)" hx-trigger="every 500ms".*?hx-ptag="(\w+)"', markup, re.DOTALL
    )
    assert answer.status_code == 201
    assert found
    same = ada.get(found[1], headers={**PART, "HX-PTag": found[2]})
    assert same.status_code == 304
    run_jobs()
    settled = ada.get(found[1], headers={**PART, "HX-PTag": found[2]})
    assert settled.status_code == 200
    assert "hx-trigger" not in settled.get_data(as_text=True)
    assert "Done" in text_of(settled)


@pytest.mark.parametrize("send", [Browser.post, Browser.part])
@pytest.mark.parametrize(
    ("name", "typed", "errors"),
    [
        ("add", {"x": "1", "y": "one"}, ["“one” is no number."]),
        ("add", {"x": "", "y": "1e400"}, ["Fill this in.", "“1e400” is no number."]),
        ("add", {"x": "1", "y": "1e13"}, ["It must be -1,000,000,000,000 to 1,000,000,000,000."]),
        ("long_task", {"total_steps": "0", "step_ms": "1.5"}, ["“1.5” is no whole number."]),
        ("retry_task", {"fail_probability": "1.1"}, ["It must be 0 to 1."]),
        ("group", {"numbers": "1 x"}, ["“x” is no number."]),
        ("group", {"numbers": "1 " * 101}, ["It must be 1 to 100 values."]),
        ("create_users", {"count": "501", "prefix": ""}, ["Fill this in."]),
        ("send_email", {"subject": "s", "message": "m", "recipients": "nobody"}, [
            "Enter an e-mail address like ada@example.org.",
        ]),
    ],
)  # fmt: skip
def test_wrong_input_is_said_beside_its_field(
    app: Flask, ada: Browser, send: Callable[..., object], name: str, typed: dict[str, str], errors: list[str]
) -> None:
    answer = send(ada, f"/workbench/{name}/runs", {f"arg_{field}": text for field, text in typed.items()})
    assert (answer.status_code, errors_of(answer)) == (422, errors)  # type: ignore[attr-defined, arg-type]
    assert "What you start appears here." in text_of(ada.get("/workbench/"))


def test_waiting_run_is_cancelled(ada: Browser, run_jobs: RunJobs) -> None:
    address = run_of(ada, "long_task", total_steps="5", step_ms="0")
    assert "Cancel" in text_of(ada.get(address))
    assert ada.post(f"{address}/cancellation").status_code == 303
    run_jobs()
    assert "Cancelled" in text_of(ada.get(address))
    late = ada.post(f"{address}/cancellation")
    assert late.status_code == 303
    assert "It is over already." in text_of(ada.get(address))


def test_run_of_another_person_is_not_there(ada: Browser, cleo: Browser, run_jobs: RunJobs) -> None:
    job, flow = run_of(ada, "add", x="1", y="2"), run_of(ada, "chain", value="3")
    for address in (job, flow, "/workbench/runs/x"):
        assert cleo.get(address).status_code == 404
        assert cleo.post(f"{address}/cancellation").status_code == 404
    run_jobs()
    assert "Done" in text_of(ada.get(job))
    assert '"value": 16' in text_of(ada.get(flow))


def test_strangers_are_sent_to_sign_in(stranger: Browser) -> None:
    assert stranger.get("/workbench/").headers["Location"] == "/sign-in?next=/workbench/"


def test_what_does_not_exist_is_not_found(ada: Browser) -> None:
    assert [ada.get(f"/workbench/{name}").status_code for name in ("nothing", "workflow_step_1", "%00")] == [404] * 3


def test_secrets_in_results_are_not_shown(app: Flask, ada: Browser, api: Program, run_jobs: RunJobs) -> None:
    address = run_of(ada, "long_task", total_steps="1", step_ms="0")
    run_jobs()
    with app.app_context(), transaction() as session:
        session.execute(update(Entry).values(result={"password": "hunter2", "x": 1}))
    page = text_of(ada.get(address))
    assert ("hunter2" in page, '"password": "…"' in page) == (False, True)
    assert told(api, address.rpartition("/")[2])["result"] == {"password": "…", "x": 1}
