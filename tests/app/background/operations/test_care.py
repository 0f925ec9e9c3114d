"""What keeps the whole of it well, under /api/v1: processes, promises, Redis, and the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.db import transaction
from jobs import Entry, WorkerRow, engine_of
from tests.app.activities.conftest import Program
from tests.app.background.test_api import start, told
from tests.app.conftest import Settings

from .test_api import Work, actions, get, work

__all__ = ["work"]

NAME = "here:worker:17"
WISHES = f"/api/v1/workers/{NAME}/wishes"


@pytest.fixture
def beating(app: Flask) -> Flask:
    """A worker and a scheduler have told of themselves."""
    with app.app_context():
        engine_of()._heartbeat("worker", NAME, queues=["default"]).beat()
        engine_of()._heartbeat("scheduler", "here:scheduler:18", queues=[]).beat()
    return app


def worker(program: Program) -> tuple[str, str | None]:
    """What is wished of it, and by whom."""
    (found,) = [one for one in get(program, "/workers")["workers"] if one["name"] == NAME]
    return found["wish"], found["wished_by"]


# -- processes ----------------------------------------------------------------------------------------------------


def test_what_is_wished_of_a_worker_is_told_and_taken_back(beating: Flask, operator: Program) -> None:
    answer = operator("POST", WISHES, json={"wish": "quiet", "reason": "new disk"})
    assert (answer.status_code, told(answer)["wish"]) == (202, "quiet")
    assert worker(operator)[0] == "quiet"
    assert operator("POST", WISHES, json={"wish": "go"}).status_code == 202
    assert worker(operator)[0] == ""
    assert operator("POST", WISHES, json={"wish": "stop"}).status_code == 202
    assert actions(operator) == [(wish, f"worker {NAME}") for wish in ("quiet", "go", "stop")]
    (first,) = [one for one in get(operator, "/audit")["entries"] if one["action"] == "quiet"]
    assert first["details"] == {"before": {"wish": "go"}, "after": {"wish": "quiet"}, "reason": "new disk"}


@pytest.mark.parametrize("body", [{}, {"wish": "dance"}, {"wish": None}, {"wish": "quiet", "colour": "red"}])
def test_what_cannot_be_wished_is_refused(beating: Flask, operator: Program, body: dict[str, Any]) -> None:
    answer = operator("POST", WISHES, json=body)
    assert (answer.status_code, worker(operator)) == (422, ("", None))


def test_a_scheduler_can_only_be_stopped(beating: Flask, operator: Program) -> None:
    path = "/api/v1/workers/here:scheduler:18/wishes"
    statuses = [operator("POST", path, json={"wish": wish}).status_code for wish in ("quiet", "go", "stop")]
    assert statuses == [409, 409, 202]


def test_a_silent_process_is_forgotten_once(beating: Flask, operator: Program) -> None:
    with beating.app_context(), transaction() as session:
        session.execute(update(WorkerRow).values(seen_at=datetime.now(UTC) - timedelta(minutes=3)))
    assert operator("DELETE", f"/api/v1/workers/{NAME}").status_code == 204
    assert operator("DELETE", f"/api/v1/workers/{NAME}").status_code == 404
    assert operator("POST", WISHES, json={"wish": "stop"}).status_code == 404
    assert actions(operator) == [("forget", f"worker {NAME}")]


def test_it_is_wished_and_forgotten_in_the_terminal_too(beating: Flask, operator: Program) -> None:
    run = beating.test_cli_runner().invoke
    said = run(args=["workers", "quiet", NAME, "--reason", "new disk"]).output
    assert said == f"{NAME} will take nothing more, from its next beat on\n"
    assert worker(operator) == ("quiet", "command line")
    assert [run(args=["workers", wish, NAME]).exit_code for wish in ("go", "stop", "forget")] == [0, 0, 0]
    assert [what for what, _ in actions(operator)] == ["quiet", "go", "stop", "forget"]
    gone = run(args=["workers", "stop", NAME])
    assert (gone.exit_code, f"There is no process {NAME}" in gone.output) == (1, True)
    refused = run(args=["workers", "quiet", "here:scheduler:18"])
    assert (refused.exit_code, "it can only be stopped" in refused.output) == (1, True)


# -- promises and Redis -------------------------------------------------------------------------------------------


def test_a_broken_promise_is_told_and_repaired(api: Program, operator: Program, app: Flask) -> None:
    assert get(operator, "/integrity")["holds"]
    uid = start(api, run_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    with app.app_context(), transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uid).values(run_at=datetime.now(UTC) - timedelta(hours=1)))
    found = get(operator, "/integrity")
    (broken,) = [one for one in found["promises"] if not one["holds"]]
    assert (found["holds"], broken["name"], broken["broken"], broken["samples"]) == (False, "due", 1, [uid])
    mended = operator("POST", "/api/v1/integrity/due/repair")
    assert (mended.status_code, told(mended)["holds"], get(operator, "/integrity")["holds"]) == (200, True, True)
    assert actions(operator) == [("repair", "integrity due")]


@pytest.mark.parametrize("name", ["known", "nothing", "%00"])
def test_what_nothing_mends_is_not_found(operator: Program, name: str) -> None:
    assert operator("POST", f"/api/v1/integrity/{name}/repair").status_code == 404


def test_without_redis_the_broker_says_so_and_there_is_nothing_to_repair(operator: Program) -> None:
    found = get(operator, "/broker")
    assert (bool(found["problem"]), found["queues"], found["orphans"]) == (True, [], 0)
    assert operator("POST", "/api/v1/broker/repair").status_code == 503
    assert actions(operator) == []


class TestWithRedis:
    """With a Redis of its own."""

    @pytest.fixture
    def settings(self, redis_url: str) -> Settings:
        return {"REDIS_URL": redis_url}

    def test_what_nobody_holds_is_told_and_removed(self, operator: Program, app: Flask) -> None:
        broker: Any = engine_of(app).broker
        broker.client.hset(f"{broker.namespace}:default.msgs", "left", b"{}")
        found = get(operator, "/broker")
        (shelf,) = [one for one in found["queues"] if one["queue"] == "default"]
        assert (found["problem"], found["orphans"], shelf["orphans"], shelf["messages"]) == (None, 1, 1, 1)
        assert told(operator("POST", "/api/v1/broker/repair")) == {"removed": 1}
        assert (get(operator, "/broker")["orphans"], actions(operator)) == (0, [("repair", "broker")])


# -- history ------------------------------------------------------------------------------------------------------


def test_the_history_is_told_in_steps_and_added_up(api: Program, operator: Program, app: Flask, work: Work) -> None:
    start(api)
    start(api, kind="sample.fail", args={})
    work()
    with app.app_context():
        engine_of().rollups.keep_now()
    for key, steps, step_s in (("90m", 90, 60), ("24h", 24, 3600), ("7d", 84, 7200), ("30d", 90, 28800)):
        found = get(operator, f"/metrics?range={key}")
        assert (found["range"], len(found["steps"]), found["step_s"]) == (key, steps, step_s)
        assert [sum(one[name] for one in found["steps"]) for name in ("succeeded", "failed")] == [1, 1]
    assert {one["name"]: (one["succeeded"], one["failed"]) for one in found["kinds"]} == {
        "sample.add": (1, 0),
        "sample.fail": (0, 1),
    }
    alone = get(operator, "/metrics?kind=sample.add")
    assert [sum(one[name] for one in alone["steps"]) for name in ("succeeded", "failed")] == [1, 0]
    assert alone["kinds"][0]["run_p95_s"] >= 0
    assert get(operator, "/metrics?queue=nothing")["kinds"] == []


@pytest.mark.parametrize("query", ["range=1y", "queue=%00", f"kind={'x' * 300}", "colour=red"])
def test_a_history_that_cannot_be_is_refused(operator: Program, query: str) -> None:
    assert operator("GET", f"/api/v1/metrics?{query}").status_code == 422


def test_errors_are_listed_by_pages(api: Program, operator: Program, app: Flask, work: Work) -> None:
    uids = [start(api, kind="sample.fail", args={"reason": "no"}) for _ in range(3)]
    work()
    with app.app_context(), transaction() as session:
        for number, uid in enumerate(uids):
            session.execute(update(Entry).where(Entry.uid == uid).values(error_fingerprint=f"{number:016}"))
    first = get(operator, "/errors?limit=2")
    assert [one["last_job_id"] for one in first["errors"]] == [uids[2], uids[1]]
    last = get(operator, f"/errors?limit=2&next={first['next']}")
    assert ([one["last_job_id"] for one in last["errors"]], last["next"]) == ([uids[0]], None)
