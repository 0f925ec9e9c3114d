"""The services ask for the role themselves, whoever calls them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.background.operations import services
from app.errors import NotAllowed
from app.security import Person
from jobs import engine_of
from tests.app.activities.conftest import Program

PUBLIC = [one for name, one in vars(services).items() if inspect.isfunction(one) and not name.startswith("_")]
VERBS = [one for one in PUBLIC if one.__module__ == services.__name__ and "person" in inspect.signature(one).parameters]


def viewer() -> Person:
    told: dict[str, Any] = {"name": "Vera", "email": None, "zone": "UTC", "theme": "system", "live_updates": True}
    return Person(id=1, **told, is_admin=False, is_guest=False, role="viewer", session_id=1)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.__name__))
def test_no_viewer_operates(app: Flask, verb: Callable[..., object]) -> None:
    needed = [one for one in inspect.signature(verb).parameters.values() if one.default is one.empty][1:]
    with app.app_context():
        with pytest.raises(NotAllowed):
            verb(viewer(), *(None for _ in needed))
        assert engine_of().audit.page() == []


def test_nobody_is_left_out() -> None:
    assert len(VERBS) == 13


def test_an_operator_deletes_no_schedule_of_somebody_else(
    app: Flask, api: Program, otto: Program, operator: Program
) -> None:
    body = {"every": "1 hour", "name": "n", "kind": "sample.add", "args": {"x": 1}}
    uids = [one("POST", "/api/v1/schedules", json=body).get_json()["id"] for one in (api, otto, operator)]
    assert [otto("DELETE", f"/api/v1/schedules/{uid}").status_code for uid in uids] == [403, 204, 403]
    assert operator("DELETE", f"/api/v1/schedules/{uids[0]}").status_code == 204
