"""A worker process ends with the master that forked it, whenever that dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.config import ROOT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel is asked in its own words")

MASTER = """
import multiprocessing, os, signal, time

def work(master, comes_late):
    if comes_late:  # as Dramatiq does, which then waits for the master to hear that it is there
        signal.signal(signal.SIGTERM, lambda *_: None)
    while comes_late and os.getppid() == master:
        time.sleep(0.01)
    import app.worker
    print("at work", flush=True)
    time.sleep(40)

worker = multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(), {comes_late}))
worker.start()
print("forked", flush=True)
worker.join()
"""


@pytest.mark.parametrize(("comes_late", "until"), [(False, "at work\n"), (True, "forked\n")])
def test_a_worker_ends_with_its_master_even_if_that_was_gone_before_it_could_ask(
    tmp_path: Path, comes_late: bool, until: str
) -> None:
    words = [sys.executable, "-c", MASTER.format(comes_late=comes_late)]
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": "", "REDIS_URL": ""}
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as master:
        assert master.stdout is not None
        while master.stdout.readline() != until:
            assert master.poll() is None
        master.send_signal(signal.SIGKILL)
        # What they print ends when the last of them has.
        rest, _ = master.communicate(timeout=20)
    assert "at work" not in rest


STUBBORN = """
import multiprocessing, os, signal, time
from app.lineage import be_gone_after_parent, end_with_parent

def work(master):
    signal.signal(signal.SIGTERM, lambda *_: None)
    end_with_parent(parent=master)
    be_gone_after_parent(master, within_s=0.2)
    print("at work", flush=True)
    while True:
        time.sleep(1)

worker = multiprocessing.get_context("fork").Process(target=work, args=(os.getpid(),))
worker.start()
worker.join()
"""


def test_one_that_does_not_end_when_it_is_asked_is_killed_a_little_later() -> None:
    with subprocess.Popen([sys.executable, "-c", STUBBORN], cwd=ROOT, stdout=subprocess.PIPE, text=True) as master:
        assert master.stdout is not None
        assert master.stdout.readline() == "at work\n"
        assert master.poll() is None
        master.send_signal(signal.SIGKILL)
        assert master.communicate(timeout=20)[0] == ""
