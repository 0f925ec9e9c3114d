"""Every process follows when settings change: at once with Redis, within seconds without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app import create_app
from app.db import disconnect
from app.tuning import services
from tests.app.conftest import Settings

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def other(app: Flask) -> Iterator[Flask]:
    """Another process with the same database, which follows."""
    other = create_app(app.extensions["given_config"], with_pages=False)
    end = services.follow(other)
    yield other
    end()
    with other.app_context():
        disconnect()


def seconds_until(holds: Callable[[], bool], *, at_most: float) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < at_most
        time.sleep(0.01)
    return time.monotonic() - began


class TestWithRedis:
    @pytest.fixture
    def settings(self, redis_url: str) -> Settings:
        return {"REDIS_URL": redis_url}

    @pytest.fixture(autouse=True)
    def slow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By the clock alone it would take longer than the test waits."""
        monkeypatch.setattr(services, "LOOK_EVERY_S", 60.0)

    def test_everybody_is_told_at_once(self, app: Flask, other: Flask) -> None:
        time.sleep(0.3)  # it has begun to listen
        with app.app_context():
            services.change({"page_size": "25"}, by=None)
        seconds_until(lambda: other.extensions["config"].page_size == 25, at_most=5)


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(services, "LOOK_EVERY_S", 0.2)

    def test_everybody_looks_by_the_clock(self, app: Flask, other: Flask) -> None:
        with app.app_context():
            services.change({"page_size": "25"}, by=None)
        seconds_until(lambda: other.extensions["config"].page_size == 25, at_most=5)

    def test_who_starts_later_begins_with_what_was_changed(self, app: Flask) -> None:
        with app.app_context():
            services.change({"page_size": "25"}, by=None)
        late = create_app(app.extensions["given_config"], with_pages=False)
        services.follow(late)()
        assert late.extensions["config"].page_size == 25
        with late.app_context():
            disconnect()
