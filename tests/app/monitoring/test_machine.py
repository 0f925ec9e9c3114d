"""What the product takes of its machine, as numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry

from app.monitoring import machine
from app.monitoring.machine import MachineNumbers
from jobs import engine_of
from jobs.metrics import LedgerNumbers
from tests.app.conftest import Settings


@pytest.fixture
def settings(redis_url: str) -> Settings:
    """With a Redis."""
    return {"REDIS_URL": redis_url}


@pytest.fixture
def door() -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like our scheduler."""
    command = [sys.executable, "-uc", "import sys; print('up'); sys.stdin.read()", "-m", "app.scheduler"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process


def read(app: Flask, *, shared: Path | None = None) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MachineNumbers(app.extensions["config"], engine_of(app), shared=shared))
    return registry


def samples(registry: CollectorRegistry, name: str) -> dict[tuple[str, str], float]:
    """The values of a metric by role and pid."""
    return {
        (one.labels["role"], one.labels["pid"]): one.value
        for family in registry.collect()
        for one in family.samples
        if one.name == name
    }


def test_a_process_tells_of_itself(app: Flask) -> None:
    registry = read(app)
    me = ("other", str(os.getpid()))
    assert list(samples(registry, "process_resident_memory_bytes")) == [me]
    assert 10e6 < samples(registry, "process_resident_memory_bytes")[me] < 10e9
    assert samples(registry, "process_threads")[me] >= 1
    assert samples(registry, "process_open_fds")[me] > 3
    assert samples(registry, "process_cpu_seconds_total")[me] > 0
    assert time.time() - 7_200 < samples(registry, "process_start_time_seconds")[me] <= time.time()


def test_every_process_that_counts_into_the_folder_is_told_of(
    app: Flask, tmp_path: Path, door: subprocess.Popen[bytes]
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    for name in (f"counter_{door.pid}.db", f"histogram_{door.pid}.db", "counter_99999999.db", "counter_1.db", "notes"):
        (folder / name).touch()
    assert list(samples(read(app, shared=folder), "process_threads")) == [("scheduler", str(door.pid))]


def test_a_process_that_is_gone_is_not_told_of(app: Flask, tmp_path: Path, door: subprocess.Popen[bytes]) -> None:
    (tmp_path / f"counter_{door.pid}.db").touch()
    assert len(samples(read(app, shared=tmp_path), "process_threads")) == 1
    door.kill()
    door.wait()
    assert samples(read(app, shared=tmp_path), "process_threads") == {}


@pytest.mark.parametrize(
    ("words", "role"),
    [
        (["python", "-m", "app.server"], "web"),
        (["/opt/metronome/.venv/bin/dramatiq", "app.worker:broker", "--processes", "1"], "worker"),
        (["python", "-m", "app.scheduler"], "scheduler"),
        (["vim", "app/server.py"], ""),
        (["python", "-m", "app.servers"], ""),
        ([], ""),
    ],
)
def test_a_role_is_the_door_it_came_in_by(words: list[str], role: str) -> None:
    assert machine._role(words) == role


def test_the_disk_is_that_of_the_data(app: Flask) -> None:
    registry = read(app)
    usage = shutil.disk_usage(app.extensions["config"].data_dir)
    assert registry.get_sample_value("data_size_bytes") == usage.total
    free = registry.get_sample_value("data_free_bytes")
    assert free is not None
    assert abs(free - usage.free) < 1e9


def test_redis_is_up_while_it_answers(app: Flask, settings: Settings, tmp_path: Path) -> None:
    assert read(app).get_sample_value("redis_up") == 1
    engine_of(app).broker.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert read(app).get_sample_value("redis_up") == 0
    finally:
        engine_of(app).broker.client.config_set("maxmemory-policy", "noeviction")


def test_the_build_is_told(app: Flask) -> None:
    labels = {"version": engine_of(app).version, "python": sys.version.split()[0]}
    assert read(app).get_sample_value("metronome_info", labels) == 1


def test_promises_that_somebody_checks_are_told(app: Flask) -> None:
    registry = CollectorRegistry(auto_describe=False)
    promises = {"leases": True, "twins": False}
    registry.register(LedgerNumbers(engine_of(app), settled=dict, invariants=lambda: promises))
    assert registry.get_sample_value("invariant_ok", {"name": "leases"}) == 1
    assert registry.get_sample_value("invariant_ok", {"name": "twins"}) == 0
