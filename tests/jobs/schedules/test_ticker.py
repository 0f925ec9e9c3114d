"""The process that turns times into work."""

import signal
import subprocess
import sys
import time

import pytest

from jobs import Sweep
from jobs.observer import Observer
from jobs.schedules.ticker import Ticker

TICKING = """
import sys, time
from jobs import Sweep
from jobs.observer import Observer
from jobs.schedules.ticker import Ticker

class Telling(Observer):
    def swept(self, sweep, seconds):
        print("swept", sweep, flush=True)

def slow():
    time.sleep(1)

def failing():
    raise ValueError("no")

Ticker([Sweep("slow", 0.1, slow), Sweep("failing", 0.1, failing)], Telling()).run()
print("ended in order", flush=True)
"""


def test_it_runs_sweeps_survives_those_that_fail_and_ends_in_order() -> None:
    ticker = subprocess.Popen([sys.executable, "-c", TICKING], stdout=subprocess.PIPE, text=True)
    assert ticker.stdout is not None
    told = [ticker.stdout.readline().strip() for _ in range(4)]
    ticker.send_signal(signal.SIGTERM)
    rest, _ = ticker.communicate(timeout=20)
    assert told.count("swept failing") >= 2
    assert rest.splitlines()[-2:] == ["swept slow", "ended in order"]
    assert ticker.returncode == 0


AWAY = """
import logging, psycopg2, sqlite3, sys
from sqlalchemy.exc import OperationalError
from jobs import Sweep
from jobs.observer import Observer
from jobs.schedules.ticker import Ticker

def busy():
    raise {error}

logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message)s", level=logging.INFO)
logging.getLogger("apscheduler").setLevel(logging.ERROR)

class Telling(Observer):
    def swept(self, sweep, seconds):
        print("swept", sweep, flush=True)

Ticker([Sweep("busy", 0.1, busy)], Telling()).run()
"""


@pytest.mark.parametrize(
    "error",
    [
        'OperationalError("", None, sqlite3.OperationalError("database is locked"))',
        'psycopg2.OperationalError("server closed the connection unexpectedly")',
        'psycopg2.InterfaceError("connection already closed")',
    ],
)
def test_a_database_that_is_away_is_said_once_and_without_a_traceback(error: str) -> None:
    words = [sys.executable, "-c", AWAY.replace("{error}", error)]
    ticker = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert ticker.stdout is not None
    told = [ticker.stdout.readline().strip() for _ in range(4)]
    ticker.send_signal(signal.SIGTERM)
    ticker.communicate(timeout=20)
    assert told == ["WARNING sweep failed, the database is away", *["swept busy"] * 3]


CHANGING = """
import jobs.schedules.ticker as ticker
from jobs import Sweep
from jobs.observer import Observer

ticker.FOLLOW_EVERY_S = 0.1
paces = iter([(3600.0, 60.0)])

class Telling(Observer):
    def swept(self, sweep, seconds):
        print("swept", sweep, flush=True)

ticker.Ticker([Sweep("searching", 9, print, pace=lambda: next(paces, (0.1, None)))], Telling()).run()
"""


def test_a_sweep_follows_its_pace_while_the_ticker_runs() -> None:
    ticker = subprocess.Popen([sys.executable, "-c", CHANGING], stdout=subprocess.PIPE, text=True)
    assert ticker.stdout is not None
    told = [ticker.stdout.readline().strip() for _ in range(4)]
    ticker.send_signal(signal.SIGTERM)
    ticker.communicate(timeout=20)
    assert told.count("swept searching") == 2


def test_it_tells_when_each_sweep_ran_last_and_what_failed() -> None:
    def fail() -> None:
        raise OSError("full")

    sweeps = [Sweep("good", 60, lambda: None), Sweep("bad", 60, fail), Sweep("idle", 60, lambda: None)]
    ticker = Ticker(sweeps, Observer())
    for sweep in sweeps[:2]:
        ticker._guarded(sweep)()
    good, bad, idle = ticker.told()
    assert (good["name"], good["every_s"], good["problem"], bad["problem"]) == ("good", 60, None, "OSError: full")
    assert abs(good["at"] - time.time()) < 60
    assert idle == {"name": "idle", "every_s": 60}
