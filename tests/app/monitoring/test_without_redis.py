"""The numbers while Redis is away."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from flask import Flask

from app.monitoring import numbers


def test_the_numbers_come_from_the_ledger(
    app: Flask, log: Callable[..., int], run_jobs: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers, "CHEAP_S", math.inf)  # what took longer is not counted again at once
    log()
    run_jobs()
    client = app.test_client()
    first = client.get("/metrics-json/").get_json()
    assert first == {"tasks_started": 1, "tasks_completed": 1, "tasks_failed": 0, "total_calories": 315.0}
    assert client.get("/metrics-json/").get_json() == first
    log()
    run_jobs()
    assert client.get("/metrics-json/").get_json()["total_calories"] == 630.0


def test_it_is_ready_and_says_what_is_missing(app: Flask) -> None:
    ready = app.test_client().get("/readyz")
    assert "redis: degraded (none is set)" in ready.get_data(as_text=True).splitlines()
