"""Functions in processes of their own: what they may do, and how they are ended."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from jobs import GiveUp, Job
from tests.jobs.workshop import QUEUE, Workshop

pytestmark = pytest.mark.slow

MIB = 1024 * 1024


def double(number: int) -> int:
    """Twice as much."""
    print("noise on the way out")
    return 2 * number


def where(number: int) -> list[Any]:
    """Another process, in an empty folder that is gone afterwards."""
    return [os.getpid(), [one.name for one in Path().iterdir()], sorted(os.environ)]


def eat(number: int) -> int:
    """Take memory."""
    return len(bytearray(number * MIB))


def write(number: int) -> None:
    """Write a large file."""
    with Path("large").open("wb") as file:
        file.writelines(bytes(MIB) for _ in range(number))


def spin(number: int) -> None:
    """Backtrack in C, where no exception reaches."""
    re.match(r"(a+)+$", "a" * 40 + "b")


def sleep(number: int) -> None:
    """Wait in the system, with a child of its own that would outlive it."""
    subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], check=False)


def refuse(number: int) -> None:
    """Cannot succeed."""
    raise GiveUp("This is no photo.")


def fail(number: int) -> None:
    """Goes wrong."""
    raise ValueError("no")


def leave(number: int) -> None:
    """Ends without an answer."""
    os._exit(3)


def die(number: int) -> None:
    """Ends by a signal."""
    os.kill(os.getpid(), 11)


def unspeakable(number: int) -> Any:
    """Answers what is no JSON."""
    return object()


@pytest.fixture
def run(shop: Workshop) -> Callable[..., Any]:
    """Run one isolated job to its end; its entry."""

    def done(function: Callable[[int], Any], number: int = 1, **options: Any) -> Any:
        job = shop.job(function, isolate=True, atomic=False, max_retries=0, **options)
        uid = shop.submit_one(job, number)
        shop.work()
        return shop.entry(uid)

    return done


def test_the_result_comes_back_and_noise_does_not(run: Callable[..., Any]) -> None:
    entry = run(double, 21)
    assert (entry.state, entry.result) == ("succeeded", 42)


def test_it_finds_what_the_worker_finds_beside_itself(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "beside.py").write_text("def triple(number):\n    return 3 * number\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(".")
    entry = run(import_module("beside").triple, 7)
    assert (entry.state, entry.error_message, entry.result) == ("succeeded", None, 21)


def test_it_is_another_process_with_nothing_of_ours_in_reach(run: Callable[..., Any]) -> None:
    pid, files, environment = run(where).result
    assert (pid != os.getpid(), files) == (True, [])
    assert set(environment) <= {"PYTHONPATH", "LC_ALL", "LC_CTYPE"}


@pytest.mark.parametrize(
    ("function", "number", "options", "sentence"),
    [
        (eat, 400, {"memory_mib": 200}, "It needed more memory than it may use."),
        (write, 3, {"file_mib": 1}, "OSError: [Errno 27] File too large"),
        (spin, 1, {"cpu_s": 1}, "It used up its processor time, and was ended."),
        (spin, 1, {"time_limit": 700}, "It took longer than its time limit of 0.7 seconds, and was ended."),
        (fail, 1, {}, "ValueError: no"),
        (leave, 1, {}, "It ended without an answer: 3"),
        (die, 1, {}, "It was ended by SIGSEGV."),
    ],
)
def test_what_goes_wrong_is_told_and_the_worker_lives(
    run: Callable[..., Any], function: Callable[[int], Any], number: int, options: dict[str, int], sentence: str
) -> None:
    entry = run(function, number, **options)
    assert (entry.state, entry.error_message) == ("dead", sentence)
    assert run(double, 4).result == 8


def test_giving_up_is_giving_up(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(refuse, isolate=True, atomic=False))
    shop.work()
    assert (shop.state(uid), shop.outcomes(uid), shop.regrets()) == (
        "dead",
        ["gave up"],
        ["shop.refuse {'number': 1}: This is no photo."],
    )


def test_what_is_no_json_is_no_answer(run: Callable[..., Any]) -> None:
    entry = run(unspeakable)
    assert entry.state == "dead"
    assert str(entry.error_message).startswith("It ended without an answer: ")


def test_whatever_it_started_ends_with_it(run: Callable[..., Any]) -> None:
    began = time.monotonic()
    entry = run(sleep, time_limit=500)
    assert (entry.state, time.monotonic() - began < 30) == ("dead", True)


@pytest.mark.parametrize("options", [{"batch_size": 3}, {}])
def test_only_a_function_of_a_module_can_be_isolated(options: dict[str, int]) -> None:
    def local(number: int) -> None:
        """Not to be found from outside."""

    with pytest.raises(ValueError, match="an isolated job is a function of a module, and runs alone"):
        Job("shop.local", local, QUEUE, isolate=True, is_batched=bool(options), **options)
