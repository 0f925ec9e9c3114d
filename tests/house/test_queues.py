"""The page for operators says which kind waits in which queue; it has to be so."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from app.queues import Queue
from jobs import engine_of
from tests.app.conftest import app, settings, template_url

__all__ = ["app", "settings", "template_url"]

PAGE = Path(__file__).parents[2] / "docs" / "operating-jobs.md"
OTHERS = " and the other kinds of the workbench"


def test_the_page_tells_where_each_kind_waits(app: Flask) -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
    kinds = {
        queue.value: [one.name for one in engine_of(app).jobs.values() if one.queue_name == queue] for queue in Queue
    }
    assert sorted(one.queue_name for one in engine_of(app).jobs.values() if one.queue_name not in kinds) == []
    for queue, names in kinds.items():
        named = [one for one in names if not (OTHERS in told[queue] and one.startswith("workbench."))]
        assert re.findall(r"`([\w.]+)`", told[queue]) == sorted(named)
