"""What the product takes of its machine: its processes, the disk under DATA_DIR, and whether Redis is there."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.config import Config
from jobs import Engine
from jobs.metrics import trouble_with_redis

PROC = Path("/proc")
ROLES = {"app.server": "web", "app.worker": "worker", "app.scheduler": "scheduler"}


@dataclass(frozen=True, slots=True)
class Process:
    """A living process, by what the kernel says of it."""

    role: str
    pid: int
    resident_bytes: int
    cpu_s: float
    open_files: int
    threads: int
    started_at: float


class MachineNumbers(Collector):
    """Asked of the kernel when scraped. With a shared folder every process that counts into it is told of."""

    def __init__(self, config: Config, engine: Engine, *, shared: Path | None) -> None:
        self._config, self._engine, self._shared = config, engine, shared

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the labels are what lives at the time."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Processes, disk, Redis and version."""
        yield from _families([one for pid in self._pids() if (one := process(pid))])
        usage = shutil.disk_usage(self._config.data_dir)
        yield GaugeMetricFamily("data_free_bytes", "Room left on the disk that holds DATA_DIR.", usage.free)
        yield GaugeMetricFamily("data_size_bytes", "Size of the disk that holds DATA_DIR.", usage.total)
        if self._config.redis_url:
            is_well = trouble_with_redis(self._engine.broker) is None
            yield GaugeMetricFamily("redis_up", "Whether Redis answers and keeps what it is given.", int(is_well))
        info = GaugeMetricFamily("metronome_info", "Which build answers.", labels=("version", "python"))
        info.add_metric((self._engine.version, sys.version.split()[0]), 1)
        yield info

    def _pids(self) -> Sequence[int]:
        if self._shared is None:
            return [os.getpid()]
        names = (path.stem.rpartition("_")[2] for path in self._shared.glob("*.db"))
        return sorted({int(name) for name in names if name.isdigit()})


def process(pid: int) -> Process | None:
    """What the kernel says of a process of ours; None when it is gone, or the pid is somebody else's by now."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        stat = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        open_files = sum(1 for _ in (PROC / str(pid) / "fd").iterdir())
    except OSError:
        return None
    role = _role(words) or ("other" if pid == os.getpid() else "")
    if not role:
        return None
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    return Process(
        role,
        pid,
        resident_bytes=int(stat[21]) * page,
        cpu_s=(int(stat[11]) + int(stat[12])) / tick,
        open_files=open_files,
        threads=int(stat[17]),
        started_at=_booted_at() + int(stat[19]) / tick,
    )


def _role(words: Sequence[str]) -> str:
    """Which door it came in by."""
    named = (role for door, role in ROLES.items() if any(word == door or word.startswith(f"{door}:") for word in words))
    return next(named, "")


def _booted_at() -> float:
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _families(found: Sequence[Process]) -> Iterator[Metric]:
    labels = ("role", "pid")
    memory = GaugeMetricFamily("process_resident_memory_bytes", "Memory that a process holds.", labels=labels)
    cpu = CounterMetricFamily("process_cpu_seconds", "Processor time a process has taken.", labels=labels)
    files = GaugeMetricFamily("process_open_fds", "Files and sockets that a process holds open.", labels=labels)
    threads = GaugeMetricFamily("process_threads", "Threads of a process.", labels=labels)
    started = GaugeMetricFamily("process_start_time_seconds", "When a process began, as Unix time.", labels=labels)
    for one in found:
        values = (one.role, str(one.pid))
        memory.add_metric(values, one.resident_bytes)
        cpu.add_metric(values, one.cpu_s)
        files.add_metric(values, one.open_files)
        threads.add_metric(values, one.threads)
        started.add_metric(values, one.started_at)
    yield from (memory, cpu, files, threads, started)
