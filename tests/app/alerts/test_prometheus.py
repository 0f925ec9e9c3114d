"""What the Alertmanager sends becomes ours."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.alerts.models import Alert
from app.db import db, reading

TOKEN = "kept-by-the-alertmanager"


@pytest.fixture
def settings() -> dict[str, str]:
    return {"ALERTS_TOKEN": TOKEN}


def notification(*alerts: Any) -> dict[str, Any]:
    return {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "metronome", "alerts": list(alerts)}


def alert(**changes: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "DiskFull", "severity": "critical", "instance": "db:9100"},
        "annotations": {"summary": "The disk is full", "description": "1 % is free."},
        "startsAt": "2026-11-20T12:00:00Z",
        "fingerprint": "c4f1e6a4e1b2d3f5",
        **changes,
    }


def send(app: Flask, body: Any, *, token: str = TOKEN, **kwargs: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return app.test_client().post("/alerts/prometheus", json=body, headers=headers, **kwargs)


def alerts(app: Flask) -> list[tuple[str, str, str, int, str]]:
    with app.app_context():
        db.session.remove()
        found = reading().scalars(select(Alert).order_by(Alert.id)).all()
        return [(one.title, one.words, one.severity, one.times, one.state) for one in found]


def test_what_fires_is_raised_and_what_is_resolved_resolves(app: Flask) -> None:
    assert send(app, notification(alert())).json == {"taken": 1}
    assert alerts(app) == [("The disk is full", "1 % is free.", "critical", 1, "open")]
    assert send(app, notification(alert())).status_code == 200
    assert alerts(app) == [("The disk is full", "1 % is free.", "critical", 2, "open")]
    resolved = notification(alert(status="resolved"), alert(status="resolved", fingerprint="0"))
    assert send(app, resolved).json == {"taken": 2}
    assert alerts(app) == [("The disk is full", "1 % is free.", "critical", 2, "resolved")]


def test_without_annotations_the_name_speaks(app: Flask) -> None:
    assert send(app, notification(alert(annotations={}, labels={"alertname": "Down"}))).status_code == 200
    assert alerts(app) == [("Down", "Down", "warning", 1, "open")]


def test_without_the_token_nothing_is_taken(app: Flask) -> None:
    for token in ("", "wrong", f"{TOKEN}x", "ü"):
        sent = {"Authorization": f"Bearer {token}".encode().decode("latin-1")} if token else {}
        answer = app.test_client().post("/alerts/prometheus", json=notification(alert()), headers=sent)
        assert (answer.status_code, answer.content_type) == (401, "application/problem+json")
    assert alerts(app) == []


class TestWithoutToken:
    @pytest.fixture
    def settings(self) -> dict[str, str]:
        return {}

    def test_without_a_token_set_the_door_is_not_there(self, app: Flask) -> None:
        assert send(app, notification(alert())).status_code == 404
        assert send(app, notification(alert()), token="").status_code == 404


WRONG: list[tuple[Any, str]] = [
    ([], ""),
    ({"alerts": []}, "version"),
    ({"version": "3", "alerts": []}, "version"),
    ({"version": "4"}, "alerts"),
    ({"version": "4", "alerts": [alert()] * 1_001}, "alerts"),
    (notification(alert(), "x"), "alerts.1"),
    (notification(alert(status="odd")), "alerts.0.status"),
    (notification(alert(fingerprint="../..")), "alerts.0.fingerprint"),
    (notification(alert(fingerprint=7)), "alerts.0.fingerprint"),
    (notification(alert(labels={})), "alerts.0.labels.alertname"),
    (notification(alert(labels={"alertname": 7})), "alerts.0.labels"),
    (notification(alert(labels=None)), "alerts.0.labels"),
    (notification(alert(annotations={"summary": "x" * 2_001})), "alerts.0.annotations"),
    (notification(alert(labels={str(number): "x" for number in range(51)})), "alerts.0.labels"),
]


def test_wrong_body_is_422_with_the_field_and_takes_nothing(app: Flask) -> None:
    for body, field in WRONG:
        answer = send(app, body)
        assert answer.status_code == 422
        assert [one["field"] for one in answer.json["errors"]] == [field]  # type: ignore[index]
    assert alerts(app) == []


def test_what_cannot_be_read_is_refused(app: Flask) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    for data, status in ((b"{", 400), (b'{"version": NaN}', 400), (b"x" * 1_100_000, 413)):
        assert app.test_client().post("/alerts/prometheus", data=data, headers=headers).status_code == status
