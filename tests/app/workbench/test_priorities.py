"""The order in which a batch of mixed priorities runs, as `docs/priorities.md` tells it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import dramatiq
import pytest
from flask import Flask

from jobs import current_uid, engine_of
from jobs.testing import run_ready, settled, working
from tests.app.activities.conftest import Program

DOCS = Path(__file__).parents[3] / "docs"
PAYLOAD = DOCS / "examples" / "jobs_batch.json"
ORDER = [4, 8, 3, 6, 5, 9, 0, 1, 7, 2]
"""The places in the payload, in the order in which they run."""


class Order(dramatiq.Middleware):
    """Notes which job is begun when."""

    def __init__(self) -> None:
        self.uids: list[str | None] = []

    def before_process_message(self, broker: Any, message: Any) -> None:
        """A job begins, or a wake-up that runs none itself."""
        self.uids.append(current_uid.get())


@pytest.fixture
def settings(redis_url: str) -> dict[str, str]:
    """With a Redis, for a real worker."""
    return {"REDIS_URL": redis_url}


def send(api: Program) -> list[str]:
    """Send the file as it is; the ids of the jobs, in its order."""
    answer = api("POST", "/api/v1/jobs/batch", data=PAYLOAD.read_bytes(), content_type="application/json")
    assert answer.status_code == 201, answer.json
    assert answer.json is not None
    return [job["id"] for job in answer.json["jobs"]]


def test_one_thread_works_the_batch_off_by_priority(app: Flask, api: Program) -> None:
    uids, engine, order = send(api), engine_of(app), Order()
    engine.broker.add_middleware(order)
    with working(engine, threads=1):
        states = [settled(engine, uid).state for uid in uids]
    begun = [uid for uid in order.uids if uid in uids]
    assert states == ["succeeded"] * len(uids)
    assert [uids.index(uid) for uid in begun] == ORDER


def test_one_job_of_hers_waits_for_at_most_two_of_another_who_asked_for_many(
    app: Flask, api: Program, cleos_api: Program
) -> None:
    alone = {"kind": "workbench.long_task", "args": {"total_steps": 1, "step_ms": 0}}

    def ask(program: Program, count: int) -> list[str]:
        answer = program("POST", "/api/v1/jobs/batch", json=[alone] * count)
        assert answer.json is not None
        return [job["id"] for job in answer.json["jobs"]]

    adas, cleos = ask(api, 20), ask(cleos_api, 1)
    order = Order()
    with app.app_context():
        engine_of().broker.add_middleware(order)
        run_ready(engine_of())
    assert [uid for uid in order.uids if uid] == [*adas[:2], *cleos, *adas[2:]]


def test_the_page_shows_this_payload_and_this_order() -> None:
    page = (DOCS / "priorities.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    assert shown == PAYLOAD.read_text()
    rows = re.findall(r"^\| (\d+) \| (\d) \| `workbench\.(\w+)` \| (.+) \|$", page, flags=re.MULTILINE)
    payload = json.loads(shown)
    assert [int(number) for number, *_ in rows] == list(range(1, len(payload) + 1))
    expected = [(payload[place].get("priority", 5), payload[place]["kind"].partition(".")[2]) for place in ORDER]
    assert [(int(priority), kind) for _, priority, kind, _ in rows] == expected
    assert [int(place.split()[0]) - 1 for *_, place in rows] == ORDER
