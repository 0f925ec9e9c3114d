"""Reports: what stands in the file, to the letter, and who may have it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.activities.mets import Kind
from app.db import reading, transaction
from app.reports import queries, routes, services
from app.reports.models import Report
from app.reports.sheet import cell, lines
from jobs import engine_of
from tests.app.activities.conftest import MORNING, Program
from tests.app.conftest import Browser, errors_of, text_of

RunJobs = Callable[[], None]


@pytest.fixture
def activities(log: Callable[..., int], ada_id: int, cleo_id: int, run_jobs: RunJobs) -> None:
    """Ada's run, one day later her walk with notes that look like a formula, and Cleo's run."""
    log(ada_id)
    log(
        ada_id, kind=Kind.WALKING, started_at=MORNING + timedelta(days=-1), notes='=HYPERLINK("http://x","y"), "quoted"'
    )
    log(cleo_id, duration=timedelta(minutes=10, seconds=30), weight_kg=Decimal(60))
    run_jobs()


def build(program: Program, run_jobs: RunJobs, report_type: str, **filters: Any) -> tuple[str, dict[str, Any]]:
    """The text of a report's file, and what is told of it."""
    answer = program("POST", "/api/generate-report/", json={"report_type": report_type, "filters": filters})
    assert answer.status_code == 202, answer.json
    assert answer.json is not None
    run_jobs()
    told = program("GET", answer.json["status_url"]).json
    assert told is not None
    assert told["state"] == "ready"
    file = program("GET", told["download_url"], buffered=True)
    assert (file.status_code, file.mimetype) == (200, "text/csv")
    assert file.headers["Content-Disposition"].startswith("attachment; filename=metronome-")
    assert told["size_bytes"] == len(file.data)
    return file.data.decode("utf-8-sig"), told


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_cell_that_looks_like_a_formula_gets_an_apostrophe(start: str) -> None:
    assert cell(f"{start}1+1") == f"'{start}1+1"


def test_numbers_stay_numbers_and_quotes_are_doubled() -> None:
    assert (
        lines([(-5, Decimal("-0.5"), None, True, 'a "b"', "x,y", "a\nb")]) == '-5,-0.5,,yes,"a ""b""","x,y","a\nb"\r\n'
    )


def test_activities(cleos_api: Program, staffs_api: Program, activities: None, run_jobs: RunJobs, cleo_id: int) -> None:
    text, told = build(cleos_api, run_jobs, "activities")
    head = "id,person,day,kind,minutes,weight_kg,energy_kcal,started_at,notes\r\n"
    assert text == f"{head}3,{cleo_id},2026-11-20,running,10.5,60.00,94.5,2026-11-20T06:10:00Z,\r\n"
    assert (told["rows"], told["filters"]) == (1, {})
    text, told = build(staffs_api, run_jobs, "activities", everybody=True, to="2026-11-19")
    notes = '"\'=HYPERLINK(""http://x"",""y""), ""quoted"""'
    assert text == f"{head}2,{told_person(text)},2026-11-19,walking,30,70.00,122.5,2026-11-19T06:10:00Z,{notes}\r\n"
    assert told["filters"] == {"to": "2026-11-19", "everybody": True}


def told_person(text: str) -> str:
    return text.splitlines()[1].split(",")[1]


@pytest.mark.parametrize(
    ("group_by", "rows"),
    [
        ("day", ["2026-11-19,1,30,122.5", "2026-11-20,1,30,315.0"]),
        ("month", ["2026-11,2,60,437.5"]),
        ("kind", ["running,1,30,315.0", "walking,1,30,122.5"]),
    ],
)
def test_sums(api: Program, activities: None, run_jobs: RunJobs, group_by: str, rows: list[str]) -> None:
    text, _ = build(api, run_jobs, "custom", group_by=group_by)
    assert text == "\r\n".join(["group,activities,minutes,energy_kcal", *rows, ""])


def test_people_and_jobs_are_for_admins(
    app: Flask, staffs_api: Program, api: Program, activities: None, run_jobs: RunJobs
) -> None:
    for report_type in ("users", "jobs"):
        answer = api("POST", "/api/v1/reports", json={"report_type": report_type})
        assert answer.json is not None
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "report_type")
    text, _ = build(staffs_api, run_jobs, "users")
    rows = [line.split(",")[1:6] for line in text.splitlines()]
    assert rows == [
        ["name", "email", "is_admin", "is_guest", "time_zone"],
        ["Ada", "ada@example.org", "no", "no", "Europe/Berlin"],
        ["Cleo", "cleo@example.org", "no", "no", "Europe/Berlin"],
        ["Staff", "staff@example.org", "yes", "no", "UTC"],
    ]
    text, _ = build(staffs_api, run_jobs, "jobs")
    kinds = [line.split(",")[1:4] for line in text.splitlines()]
    assert kinds == [
        ["kind", "queue", "state"],
        *[["activities.count_calories", "activities", "succeeded"]] * 3,
        ["reports.build", "reports", "succeeded"],
        ["reports.build", "reports", "running"],
    ]


def test_report_of_another_person_is_not_there(
    api: Program, cleos_api: Program, staffs_api: Program, cleo: Browser, activities: None, run_jobs: RunJobs
) -> None:
    _, told = build(api, run_jobs, "activities")
    addresses = [f"/api/v1/reports/{told['id']}", told["download_url"]]
    assert [cleos_api("GET", one).status_code for one in addresses] == [404, 404]
    assert cleo.get(f"/reports/{told['id']}/file").status_code == 404
    assert cleos_api("DELETE", addresses[0]).status_code == 404
    assert cleo.post(f"/reports/{told['id']}/deletion").status_code == 404
    assert cleos_api("GET", "/api/v1/reports").json == {"reports": []}
    assert [staffs_api("GET", one, buffered=True).status_code for one in addresses] == [200, 200]
    assert [api("GET", one, buffered=True).status_code for one in addresses] == [200, 200]


def test_the_page_shows_what_was_asked_for_and_the_first_rows(
    api: Program, ada: Browser, cleo: Browser, activities: None, run_jobs: RunJobs
) -> None:
    _, told = build(api, run_jobs, "activities", to="2026-11-20")
    page = ada.get(f"/reports/{told['id']}")
    text = text_of(page)
    assert page.status_code == 200
    assert "Activities · to 2026-11-20" in text
    assert re.search(r"Asked for .+ by Ada\. Its file has 2 rows, \d+ Bytes", text)
    assert "Every row of the file." in text
    table = page.text[page.text.index("<table") : page.text.index("</table>")]
    assert re.findall(r'<th scope="col">(.*?)</th>', table) == [
        *("id", "person", "day", "kind", "minutes", "weight kg", "energy kcal", "started at", "notes"),
    ]
    assert re.findall(r'<th scope="row">(.*?)</th>', table) == ["1", "2"]
    assert "&#39;=HYPERLINK(&#34;http://x&#34;" in table
    assert f'href="/reports/{told["id"]}/file"' in page.text
    assert f'href="/reports/{told["id"]}"' in ada.get("/reports/").text
    fragment = ada.get(f"/reports/{told['id']}", headers={"HX-Request": "true"})
    assert fragment.text.startswith("<section")
    assert cleo.get(f"/reports/{told['id']}").status_code == 404


def test_the_page_waits_for_a_report_that_is_being_built(api: Program, ada: Browser, run_jobs: RunJobs) -> None:
    made = api("POST", "/api/v1/reports", json={"report_type": "activities"}).json
    assert made is not None
    page = ada.get(f"/reports/{made['report_id']}")
    assert "Being built" in text_of(page)
    assert f'hx-get="/reports/{made["report_id"]}"' in page.text
    run_jobs()
    page = ada.get(f"/reports/{made['report_id']}")
    assert "There is nothing in it" in text_of(page)
    assert "hx-get=" not in page.text[page.text.index("<section") : page.text.index("</section>")]


def test_the_page_says_when_there_are_more_rows_than_it_shows(
    api: Program, ada: Browser, activities: None, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "SHOWN", 1)
    _, told = build(api, run_jobs, "activities")
    page = ada.get(f"/reports/{told['id']}")
    assert "The first 1 rows; the file has the others, too." in text_of(page)
    assert page.text.count('<th scope="row">') == 1


def test_a_page_of_a_report_whose_file_is_gone_says_so(
    app: Flask, api: Program, ada: Browser, activities: None, run_jobs: RunJobs
) -> None:
    _, told = build(api, run_jobs, "activities")
    files(app)[0].unlink()
    assert "The file is gone." in text_of(ada.get(f"/reports/{told['id']}"))
    assert api("GET", f"/api/v1/reports/{told['id']}/rows").status_code == 404


def test_programs_get_the_rows_by_pages(api: Program, cleos_api: Program, activities: None, run_jobs: RunJobs) -> None:
    _, told = build(api, run_jobs, "custom", group_by="day")
    path = f"/api/v1/reports/{told['id']}/rows"
    columns = ["group", "activities", "minutes", "energy_kcal"]
    first, second = ["2026-11-19", "1", "30", "122.5"], ["2026-11-20", "1", "30", "315.0"]
    assert api("GET", path).json == {"columns": columns, "rows": [first, second], "next": None}
    assert api("GET", f"{path}?limit=1").json == {"columns": columns, "rows": [first], "next": 1}
    assert api("GET", f"{path}?limit=1&next=1").json == {"columns": columns, "rows": [second], "next": None}
    assert [api("GET", f"{path}?{wrong}").status_code for wrong in ("limit=0", "limit=1001", "next=-1")] == [422] * 3
    assert cleos_api("GET", path).status_code == 404


@pytest.mark.parametrize(("most", "is_cut"), [(1, True), (2, False)])
def test_a_file_that_does_not_take_every_row_says_so(
    api: Program,
    ada: Browser,
    activities: None,
    run_jobs: RunJobs,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    is_cut: bool,
) -> None:
    monkeypatch.setattr(queries, "MOST_ROWS", most)
    text, told = build(api, run_jobs, "activities")
    assert (len(text.splitlines()), told["rows"], told["is_cut"]) == (most + 1, most, is_cut)
    called = api("GET", told["download_url"], buffered=True).headers["Content-Disposition"]
    assert re.fullmatch(rf".+-[0-9-]{{10}}{'-first-1-rows' if is_cut else ''}\.csv", called)
    assert ("There was more: a file takes 1 rows." in text_of(ada.get(f"/reports/{told['id']}"))) == is_cut
    assert ("1 row, cut: there was more" in text_of(ada.get("/reports/"))) == is_cut


def test_deleted_report_takes_its_file_along(app: Flask, api: Program, activities: None, run_jobs: RunJobs) -> None:
    _, told = build(api, run_jobs, "activities")
    assert len(files(app)) == 1
    assert api("DELETE", f"/api/v1/reports/{told['id']}").status_code == 204
    assert files(app) == []
    assert api("GET", told["download_url"]).status_code == 404


def files(app: Flask) -> list[Path]:
    return sorted((app.extensions["config"].data_dir / "reports").iterdir())


def test_built_twice_it_is_the_same_file(app: Flask, api: Program, activities: None, run_jobs: RunJobs) -> None:
    text, told = build(api, run_jobs, "activities")
    with app.app_context():
        services.build(told["id"])
    assert [file.read_bytes().decode("utf-8-sig") for file in files(app)] == [text]


def test_report_deleted_before_it_is_built_is_given_up(app: Flask, api: Program, run_jobs: RunJobs) -> None:
    answer = api("POST", "/api/generate-report/", json={"report_type": "activities"})
    assert answer.json is not None
    api("DELETE", answer.json["status_url"])
    run_jobs()
    job = api("GET", f"/api/task-status/{answer.json['task_id']}/").json
    assert job is not None
    assert (job["status"], job["error"]) == ("FAILURE", "The report was deleted before it was built.")


def test_report_that_cannot_be_written_says_so(app: Flask, api: Program, ada: Browser, run_jobs: RunJobs) -> None:
    answer = api("POST", "/api/generate-report/", json={"report_type": "activities"})
    assert answer.json is not None
    with app.app_context():
        services.could_not_build(answer.json["report_id"], reason="No space left.")
    told = api("GET", answer.json["status_url"]).json
    assert told is not None
    assert (told["state"], told["failure"], told["download_url"]) == ("failed", "No space left.", None)
    assert "Could not be built" in text_of(ada.get("/reports/"))


def test_report_whose_job_is_cancelled_says_so_and_is_not_waited_for(app: Flask, api: Program, ada: Browser) -> None:
    answer = api("POST", "/api/generate-report/", json={"report_type": "activities"})
    assert answer.json is not None
    assert "Being built" in text_of(ada.get("/reports/"))
    with app.app_context():
        engine_of(app).cancel(answer.json["task_id"], by="ops")
    told = api("GET", answer.json["status_url"]).json
    assert told is not None
    assert (told["state"], told["failure"], told["download_url"]) == ("failed", "It was cancelled.", None)
    page = ada.get("/reports/")
    assert "It was cancelled." in text_of(page)
    assert ("Being built" in text_of(page), "hx-trigger" in page.text.split('id="reports"')[1][:300]) == (False, False)


def test_report_that_has_its_file_keeps_it(app: Flask, api: Program, activities: None, run_jobs: RunJobs) -> None:
    report = build(api, run_jobs, "activities")[1]
    with app.app_context():
        services.could_not_build(report["id"], reason="It was cancelled.")
        assert reading().get_one(Report, report["id"]).state == "ready"


def test_old_reports_and_files_without_one_are_forgotten(
    app: Flask, api: Program, activities: None, run_jobs: RunJobs
) -> None:
    old, kept = (build(api, run_jobs, "activities")[1]["id"] for _ in range(2))
    with app.app_context():
        stray = app.extensions["config"].data_dir / "reports" / "stray.csv"
        stray.write_text("x")
        with transaction() as session:
            long_ago = Report.created_at
            row = session.scalars(select(long_ago).where(Report.id == old)).one()
            session.execute(update(Report).where(Report.id == old).values(created_at=row - timedelta(days=31)))
        assert services.forget_old(days=30) == 1
        assert list(reading().scalars(select(Report.id))) == [kept]
        assert [file.name for file in files(app)] == list(reading().scalars(select(Report.file)))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "report_type"),
        ({"report_type": "everything"}, "report_type"),
        ({"report_type": "sales"}, "report_type"),
        ({"report_type": ["users"]}, "report_type"),
        ({"report_type": "custom", "filters": []}, "filters"),
        ({"report_type": "custom", "filters": {"from": "2026-02-30"}}, "filters.from"),
        ({"report_type": "custom", "filters": {"from": 5}}, "filters.from"),
        ({"report_type": "custom", "filters": {"from": "2026-02-02", "to": "2026-02-01"}}, "filters.to"),
        ({"report_type": "custom", "filters": {"group_by": {}}}, "filters.group_by"),
        ({"report_type": "custom", "filters": {"everybody": "yes"}}, "filters.everybody"),
        ({"report_type": "custom", "filters": {"everybody": True}}, "filters.everybody"),
        ({"report_type": "custom", "filters": {"x'--": 1}}, "filters.x'--"),
        ({"report_type": "custom", "more": 1}, "more"),
        ([], ""),
    ],
)
def test_wrong_orders_are_refused(api: Program, body: Any, field: str) -> None:
    answer = api("POST", "/api/generate-report/", json=body)
    assert answer.json is not None
    assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, [field])


@pytest.mark.parametrize("number", ["0", "99999999999", "9" * 400, "-1", "x"])
def test_odd_ids_are_not_found(api: Program, number: str) -> None:
    assert api("GET", f"/api/v1/reports/{number}").status_code == 404


def test_page_shows_asks_again_and_offers_the_file(ada: Browser, activities: None, run_jobs: RunJobs) -> None:
    assert "Reports you ask for appear here" in text_of(ada.get("/reports/"))
    assert ada.post("/reports/", {"report_type": "activities", "group_by": "day"}).status_code == 303
    waiting = ada.get("/reports/")
    assert "Being built" in text_of(waiting)
    assert 'hx-trigger="every 500ms"' in waiting.get_data(as_text=True)
    run_jobs()
    part = {"HX-Request": "true", "HX-Request-Type": "partial"}
    ready = ada.get("/reports/list", headers=part)
    assert "2 rows" in text_of(ready)
    assert "hx-trigger" not in ready.get_data(as_text=True)
    again = ada.get("/reports/list", headers={**part, "HX-PTag": ready.headers["HX-PTag"]})
    assert again.status_code == 304
    assert ada.get("/reports/1/file", buffered=True).mimetype == "text/csv"
    assert ada.post("/reports/1/deletion").status_code == 303
    assert "Reports you ask for appear here" in text_of(ada.get("/reports/"))


def test_form_says_what_is_wrong_beside_the_field(ada: Browser) -> None:
    wrong = {"report_type": "jobs", "since": "yesterday", "until": "", "group_by": "year"}
    for answer in (ada.post("/reports/", wrong), ada.part("/reports/", wrong)):
        assert (answer.status_code, errors_of(answer)) == (
            422,
            [
                "Choose one of: activities, custom.",
                "Give a day like 2026-11-20.",
                "Choose one of: day, month, kind.",
            ],
        )
