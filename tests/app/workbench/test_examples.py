"""The examples of the pages about schedules and workflows work as they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.app.activities.conftest import Program

DOCS = Path(__file__).parents[3] / "docs"


def bodies(page: str, path: str = "") -> list[dict[str, Any]]:
    """What the page sends to this path under `$url`, in its order."""
    sent = re.findall(rf"^api \$url{path} --data '(.*?)'", (DOCS / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    return [json.loads(one) for one in sent]


def test_the_workflows_of_the_page_succeed(cleos_api: Program, run_jobs: Callable[[], None]) -> None:
    answers = [cleos_api("POST", "/api/v1/workflows", json=body) for body in bodies("workflows.md")]
    assert [answer.status_code for answer in answers] == [201] * 4
    run_jobs()
    for answer in answers:
        assert answer.json is not None
        flow = cleos_api("GET", f"/api/v1/workflows/{answer.json['id']}").json
        assert flow is not None
        assert flow["state"] == "succeeded", flow


def test_the_schedule_of_the_page_is_made(cleos_api: Program) -> None:
    (body,), (rule,) = bodies("schedules.md"), bodies("schedules.md", "/preview")
    made = cleos_api("POST", "/api/v1/schedules", json=body).json
    preview = cleos_api("POST", "/api/v1/schedules/preview", json=rule).json
    assert made
    assert preview
    assert (made["words"], preview["words"]) == (
        "Every 3 hours, at most 10 times", "Every day at 02:30 (Europe/Berlin)",
    )  # fmt: skip
