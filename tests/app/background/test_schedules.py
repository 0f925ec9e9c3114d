"""Schedules under /api/v1: what other programs rely on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from app.db import reading, transaction
from jobs import Entry, Schedule, engine_of
from tests.app.activities.conftest import Program

PATH = "/api/v1/schedules"
DAILY = {"name": "daily", "kind": "sample.add", "args": {"x": 2}, "cron": "30 7 * * *", "time_zone": "Europe/Berlin"}


def told(answer: TestResponse) -> dict[str, Any]:
    assert answer.json is not None
    return dict(answer.json)


def fields_of(answer: TestResponse) -> list[str]:
    assert answer.mimetype == "application/problem+json"
    return [error["field"] for error in told(answer)["errors"]]


def make(program: Program, **changes: Any) -> str:
    answer = program("POST", PATH, json={**DAILY, **changes})
    assert answer.status_code == 201, told(answer)
    return str(told(answer)["id"])


def show(program: Program, uid: str) -> dict[str, Any]:
    return told(program("GET", f"{PATH}/{uid}"))


def ago(**length: float) -> str:
    return (datetime.now(UTC) - timedelta(**length)).isoformat(timespec="seconds").replace("+00:00", "Z")


def count(app: Flask, model: type[Entry | Schedule]) -> int:
    with app.app_context():
        return reading().scalar(select(func.count()).select_from(model)) or 0


# -- making and changing ------------------------------------------------------------------------------------------


def test_a_schedule_is_made_and_told_of(api: Program, ada_id: int) -> None:
    answer = api("POST", PATH, json={**DAILY, "most_times": 3, "jitter_s": 5, "overlap": "skip", "priority": 2})
    one = told(answer)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{PATH}/{one['id']}")
    assert re.fullmatch(r"[0-9a-f]{32}", one.pop("id"))
    assert all(one.pop(name).endswith("Z") for name in ("next_at", "created_at", "changed_at"))
    assert one == {
        "name": "daily", "kind": "sample.add", "args": {"x": 2}, "priority": 2, "queue": None, "every": None,
        "cron": "30 7 * * *", "rrule": None,
        "once": None, "time_zone": "Europe/Berlin", "starts_at": None, "ends_at": None, "most_times": 3,
        "jitter_s": 5, "misfire": "one", "most_missed": 10, "overlap": "skip",
        "words": "Every day at 07:30 (Europe/Berlin), at most 3 times", "last_fired_at": None, "times": 0,
        "is_paused": False, "paused_at": None, "paused_by": None, "pause_reason": None, "problem": None,
        "requested_by": f"user {ada_id}",
    }  # fmt: skip


def test_its_jobs_go_into_the_queue_that_an_operator_names(otto: Program) -> None:
    uid = make(otto, queue="reports")
    made = told(otto("POST", f"{PATH}/{uid}/runs"))["id"]
    assert (show(otto, uid)["queue"], told(otto("GET", f"/api/v1/jobs/{made}"))["queue"]) == ("reports", "reports")
    answer = otto("PATCH", f"{PATH}/{uid}", json={"queue": "nothing"})
    assert (answer.status_code, fields_of(answer)) == (422, ["queue"])
    assert told(otto("PATCH", f"{PATH}/{uid}", json={"queue": None}))["queue"] is None


def test_who_is_no_operator_has_them_in_the_queue_of_their_kind(api: Program, otto: Program) -> None:
    answer = api("POST", PATH, json={**DAILY, "queue": "reports"})
    assert (answer.status_code, fields_of(answer)) == (422, ["queue"])
    uid = make(api, queue="samples")
    answer = api("PATCH", f"{PATH}/{uid}", json={"queue": "reports", "priority": 1})
    assert (answer.status_code, fields_of(answer)) == (422, ["queue"])
    assert (show(api, uid)["queue"], show(api, uid)["priority"]) == ("samples", None)
    otto("PATCH", f"{PATH}/{uid}", json={"queue": "reports"})
    kept = told(api("PATCH", f"{PATH}/{uid}", json={"queue": "reports", "priority": 1}))
    assert (kept["queue"], kept["priority"]) == ("reports", 1)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"every": "3 hours", "starts_at": "2026-01-01T00:00:00Z"}, "Every 3 hours"),
        ({"rrule": "FREQ=DAILY;BYHOUR=9;BYMINUTE=0"}, "Every day at 09:00 (Europe/Berlin)"),
        ({"once": "2030-12-24T18:00:00+01:00"}, "Once, on 24 December 2030 at 18:00 (Europe/Berlin)"),
    ],
)
def test_it_runs_by_each_kind_of_rule(api: Program, rule: dict[str, str], words: str) -> None:
    body = {name: value for name, value in DAILY.items() if name != "cron"}
    assert told(api("POST", PATH, json={**body, **rule}))["words"] == words


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "sample.rebuild"}, "kind"),
        ({"kind": "nothing.here"}, "kind"),
        ({"args": {}}, "args.x"),
        ({"args": {"x": 2_000_000}}, "args.x"),
        ({"args": {"x": "2"}}, "args.x"),
        ({"args": {"x": 1, "y" * 60_000: 1}}, "args"),
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"cron": "* * *"}, "cron"),
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"cron": ",".join(["1-59"] * 200) + " * * * *"}, "cron"),
        ({"cron": "0-59/1" * 80 + " * * * *"}, "cron"),
        ({"cron": None}, "cron"),
        ({"every": "1 hour"}, ""),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"starts_at": "tomorrow"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00Z"}, "starts_at"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, ""),
        ({"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2029-01-01T00:00:00Z"}, "ends_at"),
        ({"most_times": 0}, "most_times"),
        ({"jitter_s": 86_401}, "jitter_s"),
        ({"misfire": "later"}, "misfire"),
        ({"overlap": "both"}, "overlap"),
        ({"most_missed": 101}, "most_missed"),
        ({"priority": 10}, "priority"),
        ({"who": "me"}, "who"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: Program, app: Flask, changes: dict[str, Any], field: str
) -> None:
    answer = api("POST", PATH, json={**DAILY, **changes})
    assert (answer.status_code, fields_of(answer)) == (422, [field])
    assert count(app, Schedule) == 0


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"rrule": "FREQ=SECONDLY"}, "rrule"),
        ({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule"),
        ({"rrule": "FREQ=MINUTELY;INTERVAL=9999999"}, "rrule"),
        ({"rrule": "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))) + ";BYMINUTE=" + "1," * 150 + "1"}, "rrule"),
        ({"rrule": "FREQ=DAILY;COUNT=99999999999"}, "rrule"),
        ({"cron": "*/0 * * * *"}, "cron"),
        ({"every": "0 seconds"}, "every"),
        ({"every": "99999999999999 days"}, "every"),
        ({"once": "soon"}, "once"),
        ({"once": "2030-12-24T18:00:00"}, "once"),
        ({}, ""),
    ],
)
def test_a_hostile_rule_is_refused(api: Program, rule: dict[str, str], field: str) -> None:
    answer = api("POST", f"{PATH}/preview", json=rule)
    assert (answer.status_code, fields_of(answer)) == (422, [field])


@pytest.mark.parametrize(
    "rule",
    [
        {"every": "1 second"},
        {"every": "59 minutes"},
        {"cron": "* * * * *"},
        {"cron": "0,30 9 1 1 *"},
        {"rrule": "FREQ=MINUTELY;INTERVAL=59"},
        {"rrule": "FREQ=DAILY;BYHOUR=7;BYMINUTE=0,59"},
    ],
)
def test_only_operators_have_something_run_more_than_once_an_hour(
    api: Program, operator: Program, app: Flask, rule: dict[str, str]
) -> None:
    hasty = {**{name: DAILY[name] for name in ("name", "kind", "args")}, **rule}
    refused = api("POST", PATH, json=hasty)
    assert (refused.status_code, fields_of(refused)) == (422, list(rule))
    assert told(refused)["errors"][0]["message"] == (
        "It may run once an hour at most. An operator may have it run more often."
    )
    uid = make(api)
    assert fields_of(api("PATCH", f"{PATH}/{uid}", json=rule)) == list(rule)
    assert (count(app, Schedule), show(api, uid)["cron"]) == (1, DAILY["cron"])
    assert operator("POST", PATH, json=hasty).status_code == 201


@pytest.mark.parametrize(
    "rule", [{"every": "1 hour"}, {"cron": "0 * * * *"}, {"rrule": "FREQ=HOURLY"}, {"cron": "30 2,3 * * *"}]
)
def test_once_an_hour_is_for_everybody(api: Program, rule: dict[str, str]) -> None:
    """Also by a clock that is put forward in the night between the two."""
    options = {"time_zone": "Europe/Berlin", "starts_at": "2027-03-27T00:00:00Z"}
    hourly = {**{name: DAILY[name] for name in ("name", "kind", "args")}, **rule, **options}
    assert api("POST", PATH, json=hourly).status_code == 201


def test_nobody_but_operators_has_more_than_fifty(api: Program, operator: Program, app: Flask) -> None:
    for number in range(50):
        make(api, name=f"number {number}")
    refused = api("POST", PATH, json={**DAILY, "name": "one more"})
    assert (refused.status_code, fields_of(refused), count(app, Schedule)) == (422, ["name"], 50)
    for number in range(51):
        make(operator, name=f"number {number}")
    uid = show(api, told(api("GET", PATH))["schedules"][0]["id"])["id"]
    assert api("DELETE", f"{PATH}/{uid}").status_code == 204
    make(api, name="one more")


def test_a_name_is_its_owners_own(api: Program, cleos: Program) -> None:
    make(api)
    assert api("POST", PATH, json=DAILY).status_code == 409
    make(cleos)


def test_it_changes_in_part(api: Program) -> None:
    uid = make(api, most_times=9)
    one = show(api, uid)
    changed = told(api("PATCH", f"{PATH}/{uid}", json={"name": "weekly", "cron": "0 9 * * 1", "args": {"x": 3}}))
    assert [changed[name] for name in ("name", "words", "args", "time_zone", "most_times")] == [
        "weekly", "On Mondays at 09:00 (Europe/Berlin), at most 9 times", {"x": 3}, "Europe/Berlin", 9,
    ]  # fmt: skip
    assert changed["next_at"] != one["next_at"]
    back = told(api("PATCH", f"{PATH}/{uid}", json={"time_zone": "UTC", "most_times": None}))
    assert back["words"] == "On Mondays at 09:00 (UTC)"
    for wrong, field in (({"cron": "x"}, "cron"), ({"args": {}}, "args.x"), ({"kind": "sample.rebuild"}, "kind")):
        assert fields_of(api("PATCH", f"{PATH}/{uid}", json=wrong)) == [field]
    assert show(api, uid) == {**back, "changed_at": show(api, uid)["changed_at"]}


def test_the_count_of_an_old_rule_does_not_bind_the_new_one(api: Program) -> None:
    body = {name: value for name, value in DAILY.items() if name != "cron"}
    uid = told(api("POST", PATH, json={**body, "rrule": "FREQ=DAILY;COUNT=2"}))["id"]
    assert show(api, uid)["most_times"] == 2
    assert told(api("PATCH", f"{PATH}/{uid}", json={"rrule": "FREQ=DAILY"}))["most_times"] is None


# -- looking ------------------------------------------------------------------------------------------------------


def names(program: Program) -> list[str]:
    """The names of every page."""
    found: list[str] = []
    following = ""
    while True:
        page = told(program("GET", f"{PATH}?limit=2{following}"))
        found += [one["name"] for one in page["schedules"]]
        if page["next"] is None:
            return found
        following = f"&next={page['next']}"


def test_people_list_their_own_and_admins_all(api: Program, cleos: Program, operator: Program) -> None:
    for number in range(5):
        make(api, name=f"a{number}")
    make(cleos, name="c")
    assert names(api) == ["a4", "a3", "a2", "a1", "a0"]
    assert names(cleos) == ["c"]
    assert names(operator) == ["c", "a4", "a3", "a2", "a1", "a0"]
    link = api("GET", f"{PATH}?limit=2").headers["Link"]
    assert re.fullmatch(rf'<http://localhost{PATH}\?limit=2&next=\d+>; rel="next"', link)
    for wrong in ("limit=0", "next=x", "next=-1", "who=me"):
        assert fields_of(api("GET", f"{PATH}?{wrong}")) == [wrong.partition("=")[0]]


def test_a_preview_says_when_and_what_the_clocks_do(api: Program) -> None:
    rule = {"cron": "30 2 * * *", "time_zone": "Europe/Berlin", "starts_at": "2030-03-30T00:00:00Z"}
    preview = told(api("POST", f"{PATH}/preview", json=rule))
    assert preview["words"] == "Every day at 02:30 (Europe/Berlin), from 30 March 2030"
    assert len(preview["times"]) == 20
    assert preview["times"][:2] == [
        {"at": "2030-03-30T01:30:00Z", "note": ""},
        {"at": "2030-03-31T01:00:00Z", "note": "the clocks skip its time; moved to 03:00"},
    ]
    uid = make(api, **rule)
    assert told(api("GET", f"{PATH}/{uid}/preview")) == preview


# -- running ------------------------------------------------------------------------------------------------------


def test_a_slot_that_is_due_makes_a_job_that_its_owner_sees(api: Program, app: Flask, ada_id: int) -> None:
    uid = make(api)
    with app.app_context():
        with transaction() as session:
            session.execute(update(Schedule).values(next_at=datetime.now(UTC).replace(microsecond=0)))
        assert engine_of().firing.fire_due() == 1
    (run,) = told(api("GET", f"{PATH}/{uid}/runs"))["runs"]
    assert (run["outcome"], run["note"]) == ("fired", None)
    job = told(api("GET", f"/api/v1/jobs/{run['job_id']}"))
    assert (job["kind"], job["args"], job["requested_by"]) == ("sample.add", {"x": 2}, f"user {ada_id}")


def test_it_is_run_by_hand_paused_or_not(api: Program) -> None:
    uid = make(api)
    api("POST", f"{PATH}/{uid}/pause", json={})
    answer = api("POST", f"{PATH}/{uid}/runs")
    job = told(answer)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/v1/jobs/{job['id']}")
    assert (job["kind"], job["state"]) == ("sample.add", "ready")
    (run,) = told(api("GET", f"{PATH}/{uid}/runs"))["runs"]
    assert (run["outcome"], run["job_id"]) == ("fired", job["id"])


def test_past_slots_are_made_up_for_once(api: Program) -> None:
    uid = make(api, cron="0 * * * *")
    span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T03:00:00Z"}
    answer = api("POST", f"{PATH}/{uid}/backfills", json=span)
    slots = [f"2026-01-01T0{hour}:00:00Z" for hour in range(4)]
    assert (answer.status_code, [one["slot"] for one in told(answer)["runs"]]) == (201, slots)
    assert told(api("POST", f"{PATH}/{uid}/backfills", json=span)) == {"runs": []}
    first = told(api("GET", f"{PATH}/{uid}/runs?limit=3"))
    assert [one["slot"] for one in first["runs"]] == slots[:0:-1]
    second = told(api("GET", f"{PATH}/{uid}/runs?limit=3&next={first['next']}"))
    assert ([one["slot"] for one in second["runs"]], second["next"]) == (slots[:1], None)


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "to"),
        ("2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "to"),
        ("0001-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "from"),
        ("2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "to"),
        ("2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "from"),
        ("yesterday", "2026-01-01T00:00:00Z", "from"),
    ],
)
def test_a_range_that_cannot_be_made_up_for_is_named(
    api: Program, app: Flask, since: str, until: str, field: str
) -> None:
    uid = make(api, cron="0 * * * *")
    answer = api("POST", f"{PATH}/{uid}/backfills", json={"from": since, "to": until})
    assert (answer.status_code, fields_of(answer)) == (422, [field])
    assert count(app, Entry) == 0


def test_it_pauses_and_goes_on(api: Program, ada_id: int) -> None:
    uid = make(api)
    paused = told(api("POST", f"{PATH}/{uid}/pause", json={"reason": "holidays"}))
    assert (paused["is_paused"], paused["paused_by"], paused["pause_reason"]) == (True, f"user {ada_id}", "holidays")
    again = told(api("POST", f"{PATH}/{uid}/pause", json={"reason": "other"}))
    assert again["pause_reason"] == "holidays"
    resumed = told(api("DELETE", f"{PATH}/{uid}/pause"))
    assert (resumed["is_paused"], resumed["pause_reason"]) == (False, None)
    assert fields_of(api("POST", f"{PATH}/{uid}/pause", json={"reason": "x" * 201})) == ["reason"]


def test_its_jobs_stay_when_it_is_deleted(api: Program) -> None:
    uid = make(api)
    job = told(api("POST", f"{PATH}/{uid}/runs"))["id"]
    assert api("DELETE", f"{PATH}/{uid}").status_code == 204
    assert api("GET", f"{PATH}/{uid}").status_code == 404
    assert told(api("GET", f"/api/v1/jobs/{job}"))["state"] == "ready"


def test_a_schedule_whose_kind_is_gone_says_so(api: Program, app: Flask) -> None:
    uid = make(api)
    with app.app_context(), transaction() as session:
        session.execute(update(Schedule).values(kind="sample.gone"))
    answer = api("POST", f"{PATH}/{uid}/runs")
    assert (answer.status_code, told(answer)["detail"]) == (409, "No job is called sample.gone.")
    with app.app_context(), transaction() as session:
        session.execute(update(Schedule).values(rule_text="never"))
    assert show(api, uid)["words"] is None
    assert api("GET", f"{PATH}/{uid}/preview").status_code == 409


# -- who ----------------------------------------------------------------------------------------------------------

SPAN = {"from": ago(hours=2), "to": ago(hours=1)}
ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "", None), ("PATCH", "", {"name": "other"}), ("DELETE", "", None), ("GET", "/preview", None),
    ("GET", "/runs", None), ("POST", "/runs", None), ("POST", "/backfills", SPAN),
    ("POST", "/pause", {}), ("DELETE", "/pause", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "end", "body"), ROUTES)
def test_the_schedule_of_another_is_not_there(
    api: Program, cleos: Program, operator: Program, method: str, end: str, body: Any
) -> None:
    uid = make(api)
    before = show(api, uid)
    for program, there in ((cleos, uid), (api, "0" * 32), (api, "x"), (api, "%00"), (api, "１")):
        answer = program(method, f"{PATH}/{there}{end}", json=body)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), there
    assert show(api, uid) == before
    assert operator(method, f"{PATH}/{uid}{end}", json=body).status_code in (200, 201, 204)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "", None), ("POST", "", DAILY), ("POST", "/preview", {"cron": "@daily"})]
    + [(method, f"/{'0' * 32}{end}", body) for method, end, body in ROUTES],
)
def test_strangers_are_asked_who_they_are(app: Flask, method: str, path: str, body: Any) -> None:
    answer = app.test_client().open(f"{PATH}{path}", method=method, json=body)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
