"""The threads of the web: what operators' open pages and programs ask for takes no more of them than it may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

from app.threads import CALM_AFTER_S, LOOKS_TAKE_ONE_IN, Threads

LOOK = b"GET /ops/ HTTP/1.1\r\nHX-PTag: seen\r\n\r\n"
PAGE = b"GET / HTTP/1.1\r\n\r\n"
PROGRAM = b"POST /api/v1/activities HTTP/1.1\r\n\r\n"
BROKEN = b"GET /ops/ HTTP/1.1\r\nHX-PTag: seen\r\nTransfer-Encoding: odd\r\n\r\n"
LARGE = b"POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + b"x" * 9000
TAKES_S = 0.01
ALONE_S = 0.2
RESTS_S = TAKES_S * (LOOKS_TAKE_ONE_IN - 1)


class Asked:
    """A connection on which something was asked for, and when its answer began."""

    def __init__(self, request: bytes, answer: Callable[[], object] = lambda: None) -> None:
        parser = HTTPRequestParser(Adjustments())
        parser.received(request[parser.received(request) :])
        self.requests, self._answer, self.began = [parser], answer, 0.0
        self.is_answered = threading.Event()

    def service(self) -> None:
        """Answer it."""
        self.began = time.monotonic()
        self._answer()
        self.is_answered.set()

    def cancel(self) -> None:
        """Answer it no more."""


@pytest.fixture
def one_at_a_time() -> Iterator[Threads]:
    """Four, of which the small ones take turns."""
    four = Threads(4, alone_s=ALONE_S)
    yield four
    four.shutdown()


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Three of them."""
    three = Threads(3)
    yield three
    three.shutdown()


@pytest.mark.parametrize(
    "request_line", ["GET /healthz", "GET /recent", "GET /opsy/", "POST /api/v1/activities", "GET /api/v1/jobs"]
)
def test_however_many_operators_look_others_are_answered(threads: Threads, request_line: str) -> None:
    gate = threading.Event()
    looks = [Asked(LOOK, lambda: gate.wait(10)) for _ in range(12)]
    other = Asked(f"{request_line} HTTP/1.1\r\nHX-PTag: seen\r\n\r\n".encode())
    page = Asked(LOOK.replace(b"HX-PTag", b"HX-Request"))
    for one in (*looks, other, page):
        threads.add_task(one)
    assert [one.is_answered.wait(10) for one in (other, page)] == [True, True]
    assert sum(one.began > 0 for one in looks) <= 1
    gate.set()
    assert all(one.is_answered.wait(10) for one in looks)


def test_looks_follow_each_other_while_nobody_else_asks(threads: Threads) -> None:
    looks = [Asked(LOOK, _work) for _ in range(3)]
    for one in looks:
        threads.add_task(one)
    assert all(one.is_answered.wait(10) for one in looks)
    assert looks[2].began - looks[0].began < 2 * RESTS_S


def test_looks_rest_while_others_are_answered_and_wake_up_by_themselves(threads: Threads) -> None:
    gate = threading.Event()
    slow = Asked(PAGE, lambda: gate.wait(10))
    looks = [Asked(LOOK, _work) for _ in range(3)]
    for one in (slow, *looks):
        threads.add_task(one)
    assert all(one.is_answered.wait(10) for one in looks)
    assert not slow.is_answered.is_set()
    gate.set()
    pauses = [after.began - before.began for before, after in pairwise(looks)]
    assert min(pauses) >= RESTS_S


def test_looks_rest_between_those_who_are_answered_one_after_the_other(threads: Threads) -> None:
    looks = [Asked(LOOK, _work) for _ in range(3)]
    for one in (page := Asked(PAGE), *looks):
        threads.add_task(one)
    assert page.is_answered.wait(10)
    while not all(one.is_answered.wait(CALM_AFTER_S / 20) for one in looks):
        threads.add_task(page := Asked(PAGE))
        assert page.is_answered.wait(10)
    pauses = [after.began - before.began for before, after in pairwise(looks)]
    assert min(pauses) >= RESTS_S


def test_looks_rest_no_longer_once_nobody_else_is_answered(threads: Threads) -> None:
    works_s = 1 / 20
    page, *looks = Asked(PAGE), *(Asked(LOOK, lambda: _work(works_s)) for _ in range(3))
    for one in (page, *looks):
        threads.add_task(one)
    assert all(one.is_answered.wait(10) for one in looks)
    assert looks[2].began - looks[0].began < works_s * (LOOKS_TAKE_ONE_IN - 1)


def test_looks_that_rest_are_not_forgotten_when_others_come(threads: Threads) -> None:
    gate = threading.Event()
    slow = [Asked(PAGE, lambda: gate.wait(10)) for _ in range(2)]
    looks = [Asked(LOOK, _work) for _ in range(2)]
    threads.add_task(slow[0])
    threads.add_task(looks[0])
    assert looks[0].is_answered.wait(10)
    threads.add_task(looks[1])
    threads.add_task(slow[1])
    assert looks[1].is_answered.wait(10)
    assert not any(one.is_answered.is_set() for one in slow)
    gate.set()


def test_others_are_answered_while_looks_rest(threads: Threads) -> None:
    gate = threading.Event()
    slow, look, kept = Asked(PAGE, lambda: gate.wait(10)), Asked(LOOK, lambda: _work(1 / 20)), Asked(LOOK)
    for one in (slow, look, kept):
        threads.add_task(one)
    assert look.is_answered.wait(10)
    pages = [Asked(PAGE) for _ in range(20)]
    for one in pages:
        threads.add_task(one)
    assert all(one.is_answered.wait(10) for one in pages)
    assert not kept.is_answered.is_set()
    gate.set()
    assert kept.is_answered.wait(10)


def test_what_cannot_be_read_is_no_look(threads: Threads) -> None:
    broken = Asked(BROKEN)
    assert broken.requests[0].error
    threads.add_task(broken)
    assert broken.is_answered.wait(10)


def test_small_ones_take_turns_while_they_are_quick(one_at_a_time: Threads) -> None:
    at_work, seen = [0], []

    def answer() -> None:
        at_work[0] += 1
        seen.append(at_work[0])
        time.sleep(TAKES_S / 10)
        at_work[0] -= 1

    pages = [Asked(PAGE, answer) for _ in range(30)]
    for one in pages:
        one_at_a_time.add_task(one)
    assert all(one.is_answered.wait(10) for one in pages)
    assert seen == [1] * 30


def test_a_slow_one_is_alone_for_a_while_and_no_longer(one_at_a_time: Threads) -> None:
    gate = threading.Event()
    slow, after, large = Asked(PAGE, lambda: gate.wait(10)), Asked(PAGE, lambda: gate.wait(10)), Asked(LARGE)
    one_at_a_time.add_task(slow)
    one_at_a_time.add_task(after)
    one_at_a_time.add_task(large)  # which no small one is in the way of
    last = Asked(PAGE)
    one_at_a_time.add_task(last)
    assert all(one.is_answered.wait(10) for one in (large, last))
    assert not slow.is_answered.is_set()
    assert not after.is_answered.is_set()
    assert after.began - slow.began >= ALONE_S
    assert last.began - after.began >= ALONE_S
    assert slow.began < large.began < after.began
    gate.set()


def test_each_of_several_slow_ones_is_begun(one_at_a_time: Threads) -> None:
    gate = threading.Event()
    slow = [Asked(PAGE, lambda: gate.wait(10)) for _ in range(3)]
    one_at_a_time.add_task(slow[0])
    _wait_for(slow[0])
    one_at_a_time.add_task(slow[1])
    time.sleep(ALONE_S / 4)  # one of those who are idle waits for its turn now, and nobody need do so for the next
    one_at_a_time.add_task(slow[2])
    _wait_for(slow[2])
    assert [one.began > 0 for one in slow] == [True] * 3
    gate.set()


def test_who_waits_for_looks_does_not_keep_small_ones_waiting(one_at_a_time: Threads) -> None:
    gate = threading.Event()
    slow, slower, after = Asked(PAGE, lambda: gate.wait(10)), Asked(PAGE, lambda: gate.wait(10)), Asked(PAGE)
    look, resting = Asked(LOOK, lambda: _work(0.1)), Asked(LOOK)
    for one in (slow, look, resting):
        one_at_a_time.add_task(one)
    assert look.is_answered.wait(10)
    while one_at_a_time.active_count > 1:
        time.sleep(0.001)
    one_at_a_time.add_task(slower)
    _wait_for(slower)
    one_at_a_time.add_task(after)
    assert all(one.is_answered.wait(10) for one in (after, resting))
    assert after.began < resting.began
    gate.set()


def test_people_and_programs_take_turns(threads: Threads) -> None:
    gate = threading.Event()
    busy = [Asked(PROGRAM, lambda: gate.wait(10)) for _ in range(3)]
    programs, people = [Asked(PROGRAM, _work) for _ in range(9)], [Asked(PAGE, _work) for _ in range(3)]
    for one in busy:
        threads.add_task(one)
    while not all(one.began for one in busy):
        time.sleep(TAKES_S)
    for one in (*programs, *people):
        threads.add_task(one)
    threads.set_thread_count(1)
    gate.set()
    assert all(one.is_answered.wait(10) for one in (*programs, *people))
    order = sorted((*programs, *people), key=lambda one: one.began)
    assert "".join("people" if one in people else "-" for one in order) == "people-people-people-------"
    assert [one for one in order if one in programs] == programs
    assert [one for one in order if one in people] == people


def test_all_idle_threads_end(one_at_a_time: Threads) -> None:
    one_at_a_time.shutdown()
    assert one_at_a_time.threads == set()


def _wait_for(one: Asked) -> None:
    """Until its answer is begun, or five seconds."""
    deadline = time.monotonic() + 5
    while not one.began and time.monotonic() < deadline:
        time.sleep(0.001)


def _work(seconds: float = TAKES_S) -> None:
    """Use that much of the processor's time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
