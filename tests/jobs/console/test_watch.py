"""`flask jobs watch` in a real terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import State
from tests.jobs.workshop import Workshop

ROOT = Path(__file__).parents[3]
APP = """
from flask import Flask
from jobs import Engine, JobGroup, PlainHost, install
from jobs.console import console

app = Flask(__name__)
engine = Engine(PlainHost(app, {url!r}), redis_url=None)
group = JobGroup("shop")

@group.actor(queue_name="work")
def note(number: int) -> None: ...


engine.include(group)
install(app, engine)
app.register_blueprint(console(engine), url_prefix="/ops")
"""


def read_until(terminal: int, text: str) -> str:
    """What the terminal shows up to this text; the test's time limit is the only one."""
    shown = ""
    while text not in shown:
        shown += os.read(terminal, 65_536).decode()
    return shown


def _hears_control_c() -> None:
    """As in a terminal, whoever runs the tests: what is started in the background ignores it, and its children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.looks
@pytest.mark.slow
def test_it_is_drawn_anew_as_things_change_and_ends_with_control_c(staffed: Workshop, tmp_path: Path) -> None:
    url = staffed.host.database.url.render_as_string(hide_password=False)
    (tmp_path / "shop.py").write_text(APP.format(url=url))
    job = staffed.noting()
    staffed.submit_one(job)
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "flask", "--app", str(tmp_path / "shop.py"), "jobs", "watch"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=_hears_control_c,  # noqa: PLW1509 -- the test has one thread
    )
    os.close(theirs)
    try:
        first = read_until(terminal, "Nothing runs.")
        assert first.startswith("\x1b[2J\x1b[H")
        (row,) = [line.removesuffix("\x1b[K") for line in first.splitlines() if line.startswith("work")]
        assert row.split() == ["work", "0", "0", "1", "0"]
        claimed = staffed.claim()
        assert staffed.state(claimed[0].uid) == State.RUNNING
        assert claimed[0].uid in read_until(terminal, "hand")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
