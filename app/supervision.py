"""Keeping processes alive: supervisor as a library."""

import logging
import os
import secrets
import time
from collections.abc import Callable, Sequence
from configparser import RawConfigParser
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from supervisor import loggers
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

from app.lineage import end_with_parent

LONGEST_STOP_S = 7
"""Then SIGKILL. With supervisor's own reaction and Redis after the rest it keeps the promise of ten seconds."""

PATIENCE_S = 10

RPC = "supervisor.rpcinterface:make_main_rpcinterface"

log = logging.getLogger("metronome.supervisor")


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep: what to run, whether others need it first, or can spare it until they are ready."""

    name: str
    command: str
    is_first: bool = False
    is_late: bool = False
    runs_once: bool = False


def supervise(programs: Sequence[Program], *, folder: Path, directory: Path, is_ready: Callable[[], bool]) -> None:
    """Run the programs in the foreground until SIGINT or SIGTERM; one that dies is started again.

    The late ones start once `is_ready`, so that they take no time from the first page; at the latest after PATIENCE_S.
    On the way out all stop at once, those that others need at the end. supervisorctl finds them through
    `supervisord.conf` in `folder`. Should this very process be killed, the kernel ends the children.
    """
    file = folder / "supervisord.conf"
    file.touch(mode=0o600)
    file.write_text(configuration(programs, folder=folder, directory=directory))
    options = Options()
    options.realize(["-n", "-c", str(file)])
    options.first, options.test = True, False
    options.parent = os.getpid()
    try:
        Keeper(options, is_ready=is_ready).main()
    except ExitNow:
        log.info("everything has stopped")


def configuration(programs: Sequence[Program], *, folder: Path, directory: Path) -> str:
    """What supervisor reads."""
    password = secrets.token_urlsafe(24)
    door = {"username": "metronome", "password": password}
    sections: dict[str, dict[str, Any]] = {
        "supervisord": {
            "nodaemon": "true",
            "directory": directory,
            "pidfile": folder / "supervisord.pid",
            "logfile": "/dev/null",
            "childlogdir": folder,
            "minfds": 256,
        },
        "unix_http_server": {"file": folder / "supervisor.sock", "chmod": "0700", **door},
        "supervisorctl": {"serverurl": f"unix://{folder / 'supervisor.sock'}", **door},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
    }
    if os.geteuid() == 0:
        sections["supervisord"]["user"] = "root"
    for name, members, priority in (
        ("needed-first", [one for one in programs if one.is_first], 1),
        ("metronome", [one for one in programs if not one.is_first], 2),
    ):
        if members:
            sections[f"group:{name}"] = {"programs": ",".join(one.name for one in members), "priority": priority}
    sections |= {f"program:{one.name}": _program(one) for one in programs}
    return _as_text(sections)


class Keeper(Supervisor):  # type: ignore[misc]
    """supervisor, without the second it waits before it starts anything, and with processes that start late."""

    def __init__(self, options: ServerOptions, *, is_ready: Callable[[], bool]) -> None:
        super().__init__(options)
        self.is_ready = is_ready
        self.patient_until = time.monotonic() + PATIENCE_S

    def runforever(self) -> None:
        """Start what is first and what is not late, then watch."""
        for group in sorted(self.process_groups.values()):
            group.transition()
        super().runforever()

    def tick(self, now: float | None = None) -> None:
        """Once a second or oftener: let the late ones start when it is time."""
        super().tick(now)
        processes = [one for group in self.process_groups.values() for one in group.processes.values()]
        waiting = [one for one in processes if not one.config.autostart]
        if waiting and (time.monotonic() > self.patient_until or self.is_ready()):
            for one in waiting:
                one.config.autostart = True


class Options(ServerOptions):  # type: ignore[misc]
    """supervisor's options, with our log, our own stdout for the children, and no orphans."""

    parent: int

    def make_logger(self) -> None:
        """Send what supervisor says to our log."""
        self.logger = loggers.Logger(level=loggers.LevelsByName.INFO, handlers=[_ToOurLog()])

    def setpgrp(self) -> None:
        """The child's first step: its own process group, and an end when supervisor's end comes."""
        super().setpgrp()
        end_with_parent(parent=self.parent)

    def dup2(self, source: int, target: int) -> int:
        """Leave the child our stdout and stderr, so that its lines do not travel through this process."""
        return target if target in {1, 2} else int(super().dup2(source, target))


class _ToOurLog(loggers.Handler):  # type: ignore[misc]
    def emit(self, record: Any) -> None:
        level = logging.DEBUG if record.level == logging.INFO else record.level
        log.log(level, record.msg.strip())


def _program(one: Program) -> dict[str, Any]:
    return {
        "command": one.command,
        "priority": 1,
        "autostart": "false" if one.is_late else "true",
        "autorestart": "unexpected" if one.runs_once else "true",
        "startsecs": 0 if one.runs_once else 1,
        "startretries": 0 if one.runs_once else 1_000_000,
        "stopwaitsecs": LONGEST_STOP_S,
        "stopasgroup": "false",
        "killasgroup": "true",
        "stdout_logfile": "NONE",
        "stderr_logfile": "NONE",
    }


def _as_text(sections: dict[str, dict[str, Any]]) -> str:
    parser = RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    for name, values in sections.items():
        parser[name] = {key: str(value).replace("%", "%%") for key, value in values.items()}
    text = StringIO()
    parser.write(text)
    return text.getvalue()
