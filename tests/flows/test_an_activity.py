"""The main story: an activity is logged, its calories appear, and nothing that happens to the processes loses any.

And what only a worker as it is really started shows: that a function in a process of its own is found there.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

RUNNING = {"kind": "running", "duration_min": 30, "weight_kg": 70}
KCAL = 315


class Ada:
    """A program of Ada's, with a token of hers."""

    def __init__(self, home: Installation) -> None:
        self.home = home
        home.command("users", "create", "--email", "ada@example.org", "--password-stdin", feed="horse plane grass\n")
        self.token = home.command("tokens", "create", "--email", "ada@example.org", "--scope", "write")

    def ask(self, path: str, given: Any = None) -> Any:
        """Send a question and read the answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.home.port}{path}",
            data=None if given is None else json.dumps(given).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def log(self) -> int:
        """Log half an hour of running."""
        number: int = self.ask("/api/v1/activities", RUNNING)["id"]
        return number

    def energies(self, ids: list[int]) -> list[Any]:
        """The calories of these activities, in their order; None where they are not known yet."""
        asked = ",".join(map(str, ids))
        answer = self.ask(f"/api/v1/activities/status?ids={asked}")
        rows = answer if isinstance(answer, list) else next(iter(answer.values()))
        known = {row["id"]: row["energy_kcal"] for row in rows}
        return [known[one] for one in ids]


@pytest.fixture
def home(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    one = Installation(tmp_path / "var", database_url)
    one.start()
    one.said("Metronome is running")
    yield one
    one.kill_everything()


def test_the_number_appears_soon_after_the_activity_is_logged(home: Installation) -> None:
    ada = Ada(home)
    first = ada.log()
    wait_until(lambda: ada.energies([first]) == [KCAL])
    began = time.monotonic()
    number = ada.log()
    wait_until(lambda: ada.energies([number]) == [KCAL])
    print(f"logged to readable with an idle worker: {(time.monotonic() - began) * 1000:.0f} ms")


def test_nothing_is_lost_when_everything_is_killed_while_people_log(home: Installation) -> None:
    ada = Ada(home)
    ids = [ada.log() for _ in range(30)]
    home.kill_everything()
    home.start()
    home.said("Metronome is running")
    wait_until(lambda: ada.energies(ids) == [KCAL] * len(ids))


def test_a_function_in_a_process_of_its_own_is_found_there(home: Installation) -> None:
    ada = Ada(home)
    job = ada.ask("/api/v1/jobs", {"kind": "workbench.hard_limited", "args": {"duration_s": 0.1}})
    settled = ada.ask(f"/api/v1/jobs/{job['id']}?wait=10")
    assert (settled["state"], settled["error"]) == ("succeeded", None)
