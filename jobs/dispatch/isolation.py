"""Running a function in a process of its own, with limits that hold.

No exception can end C code, a system call or a regular expression that never returns, and nothing stops a parser
from taking all the memory there is. A process can be killed. So what reads files of strangers, or computes for long,
runs in a child: its memory, processor time and files are limited, it sees no database, and gets and gives JSON.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobs.errors import GiveUp, JobError
from jobs.registry import Job

CHILD = Path(__file__).with_name("child.py")
LOOK_EVERY_S = 0.05
MIB = 1024 * 1024
LARGEST_ANSWER = 4 * MIB
TOLD_AT_MOST = 2_000


class OutOfLimits(JobError):
    """The child took more time, memory or space than it may, or ended without an answer."""


def run_isolated(job: Job, args: Mapping[str, Any], *, check: Callable[[], None]) -> Any:
    """The job's function called with these arguments in a child process; its result, which must be JSON.

    `check` is called a few times a second; when it raises, the child is killed and the error goes on.

    Raises:
        OutOfLimits
        GiveUp: the function gave up
        JobError: it raised something else; the text names it
    """
    with (
        tempfile.TemporaryFile() as answer,
        tempfile.TemporaryFile() as complaints,
        tempfile.TemporaryDirectory(prefix="job-") as folder,
    ):
        asked = json.dumps({"module": job.run.__module__, "function": job.run.__qualname__, "args": dict(args)})
        limits = [str(one) for one in (job.memory_mib * MIB, job.cpu_s, job.file_mib * MIB)]
        child = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
            [sys.executable, "-P", str(CHILD), *limits],
            stdin=subprocess.PIPE,
            stdout=answer,
            stderr=complaints,
            cwd=folder,
            # The child looks from another folder: what is named from ours, as Dramatiq's ".", is named in full.
            env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            _give(child, asked)
            _wait_for(child, check, within_s=job.time_limit / 1000)
        finally:
            _end(child)
        return _read(answer, complaints, child)


def _give(child: "subprocess.Popen[bytes]", asked: str) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it ended already; how is read from its status
        child.stdin.write(asked.encode())
        child.stdin.close()


def _wait_for(child: "subprocess.Popen[bytes]", check: Callable[[], None], *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while child.poll() is None:
        check()
        if time.monotonic() > deadline:
            raise OutOfLimits(f"It took longer than its time limit of {within_s:g} seconds, and was ended.")
        time.sleep(LOOK_EVERY_S)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill it and all that it started."""
    with contextlib.suppress(ProcessLookupError):  # it is gone, and left nobody behind
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read(answer: Any, complaints: Any, child: "subprocess.Popen[bytes]") -> Any:
    answer.seek(0)
    text = answer.read(LARGEST_ANSWER + 1)
    if len(text) > LARGEST_ANSWER:
        raise OutOfLimits(f"Its answer is larger than {LARGEST_ANSWER // MIB} MiB.")
    try:
        told = json.loads(text)
    except ValueError:
        raise OutOfLimits(_how_it_ended(child, complaints)) from None
    if "gave_up" in told:
        raise GiveUp(told["gave_up"])
    if "error" in told:
        raise JobError(told["error"])
    return told["result"]


def _how_it_ended(child: "subprocess.Popen[bytes]", complaints: Any) -> str:
    complaints.seek(0)
    last = complaints.read(LARGEST_ANSWER).decode("utf-8", "replace").strip()[-TOLD_AT_MOST:]
    if child.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "It used up its processor time, and was ended."
    if child.returncode < 0:
        return f"It was ended by {signal.Signals(-child.returncode).name}."
    return f"It ended without an answer: {last or child.returncode}"
