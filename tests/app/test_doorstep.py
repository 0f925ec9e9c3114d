"""No door opens over a Redis that may throw wake-ups away where REDIS_STRICT says so; elsewhere it is told of."""

from __future__ import annotations

import logging
import os
import runpy
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import launcher, scheduler, server
from app.config import ROOT
from app.doorstep import config_or_exit, enter
from tests.servers import RedisServer

TROUBLE = "its maxmemory-policy is allkeys-lru, not noeviction"
REFUSAL = f"metronome: REDIS_STRICT refuses this Redis, {TROUBLE}: set maxmemory-policy noeviction in its redis.conf.\n"
DOORS: dict[str, Callable[[], object]] = {
    "web": server.main,
    "any WSGI server": lambda: runpy.run_path(str(ROOT / "wsgi.py")),
    "worker": lambda: runpy.run_module("app.worker"),
    "scheduler": scheduler.main,
    "all on one machine": launcher.main,
}


@pytest.fixture
def forgetful(redis_server: RedisServer) -> Iterator[RedisServer]:
    client = redis_server.client()
    client.config_set("maxmemory-policy", "allkeys-lru")
    yield redis_server
    client.config_set("maxmemory-policy", "noeviction")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setattr("app.logs.set_up", lambda config: None)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return monkeypatch


@pytest.mark.parametrize("door", DOORS)
def test_strict_every_door_stays_closed_and_says_what_to_change(
    door: str, environment: pytest.MonkeyPatch, forgetful: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr("app.lineage.end_with_parent", lambda **_: None)
    environment.setenv("REDIS_URL", forgetful.url)
    environment.setenv("REDIS_STRICT", "true")
    with pytest.raises(SystemExit) as end:
        DOORS[door]()
    assert (end.value.code, capsys.readouterr().err) == (2, REFUSAL)


def test_strict_workers_stay_closed_before_the_first_process_of_many(forgetful: RedisServer, tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path), "REDIS_URL": forgetful.url, "REDIS_STRICT": "true"}
    environment = {**os.environ, **given}
    done = subprocess.run(["bin/worker"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, REFUSAL)


def test_otherwise_it_opens_and_says_so(
    environment: pytest.MonkeyPatch, forgetful: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("REDIS_URL", forgetful.url)
    with caplog.at_level(logging.ERROR, logger="metronome.doorstep"):
        assert (enter().redis_url, config_or_exit().redis_strict) == (forgetful.url, False)
    assert [one.getMessage() for one in caplog.records] == [
        f"Redis may throw data away: {TROUBLE}; set maxmemory-policy noeviction in its redis.conf"
    ]


def test_strict_a_good_redis_is_let_in(environment: pytest.MonkeyPatch, redis_server: RedisServer) -> None:
    environment.setenv("REDIS_STRICT", "true")
    environment.setenv("REDIS_URL", redis_server.url)
    assert enter().redis_url == config_or_exit().redis_url == redis_server.url


@pytest.mark.parametrize("url", ["", "redis://127.0.0.1:1/0"])
def test_strict_a_redis_that_is_away_is_no_reason_to_stay_closed(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("REDIS_STRICT", "true")
    environment.setenv("REDIS_URL", url)
    assert enter().redis_url == config_or_exit().redis_url == (url or None)
