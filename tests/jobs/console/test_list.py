"""Finding jobs by the filter bar, and choosing some of them to act on."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from jobs import State
from tests.jobs.workshop import QUEUE, Workshop

from .asked import get, listed, part, post, text_of
from .conftest import GuardedHost


def fail(number: int) -> None:
    raise TimeoutError(f"no {number}")


@pytest.fixture
def uids(staffed: Workshop) -> list[str]:
    """Three jobs: one done, one that failed for good, one of somebody that waits in another queue."""
    done = staffed.submit(staffed.noting(), 1)
    dead = staffed.submit(staffed.job(fail, max_retries=0), 2)
    staffed.work()
    return [*done, *dead, *staffed.submit(staffed.noting("later", queue="elsewhere"), 3, requested_by="user 7")]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("kind:shop.note", [0]),
        ("name:shop.fail state:failed", [1]),
        ("queue:elsewhere", [2]),
        ("user:user%207", []),
        ('user:"user%207"', [2]),
        ("error:timeout", [1]),
        ('error:"no%202"', [1]),
        ("error:elsewhere", []),
        ("worker:WORKER", [1, 0]),
        ("args.number:3", [2]),
        ("args.number:3%20kind:shop.note", []),
        ("args.nothing:3", []),
        ("since:1h", [2, 1, 0]),
        ("since:2999-01-01", []),
        ("since:1h%20state:done", [0]),
        ("state:done%20worker:nobody", []),
    ],
)
def test_every_word_of_the_bar_finds_its_jobs(app: Flask, uids: list[str], question: str, found: list[int]) -> None:
    path = f"/ops/jobs?q={question}"
    if question.startswith("user:user"):
        assert get(app, path).status_code == 422  # the 7 is a word of its own
        return
    assert listed(get(app, path)) == [uids[number] for number in found]


def test_an_id_is_found_by_its_beginning(app: Flask, uids: list[str]) -> None:
    assert listed(get(app, f"/ops/jobs?q=id:{uids[1]}")) == [uids[1]]
    assert uids[1] in listed(get(app, f"/ops/jobs?q={uids[1][:8]}"))
    assert listed(get(app, f"/ops/jobs?q=id:{uids[1][:24]}")) == [uids[1]]


def test_an_error_is_found_by_its_fingerprint(app: Flask, staffed: Workshop, uids: list[str]) -> None:
    print_ = staffed.entry(uids[1]).error_fingerprint
    assert listed(get(app, f"/ops/jobs?q=error:{print_}")) == [uids[1]]


def test_the_counts_share_the_filter(app: Flask, staffed: Workshop, uids: list[str]) -> None:
    staffed.submit(staffed.engine.jobs["shop.note"], 4, 5)
    chips = "All 3 Scheduled 0 Queued 2 Running 0 Retrying 0 Failed 0 Cancelled 0 Done 1"
    assert chips in text_of(get(app, "/ops/jobs?q=kind:shop.note"))


def test_the_search_says_when_it_stopped_and_goes_on_from_there(app: Flask, staffed: Workshop) -> None:
    wanted = staffed.submit_one(staffed.noting("rare"), 1)
    staffed.submit(staffed.noting("frequent"), *range(2_100))
    first = get(app, "/ops/jobs?q=args.number:1%20worker:nobody")
    assert "The search stopped after some thousand jobs" in text_of(first)
    page, looked = get(app, "/ops/jobs?q=args.number:1"), 1
    found = listed(page)
    while following := re.search(r'href="([^"]+)">(?:Look further|Next page)', page.get_data(as_text=True)):
        page, looked = get(app, following[1].replace("&amp;", "&")), looked + 1
        found += listed(page)
    assert (found[-1], len(found), looked) == (wanted, 2, 2)


def test_what_does_not_change_is_not_drawn_again(app: Flask, staffed: Workshop, uids: list[str]) -> None:
    tag = part(app, "/ops/jobs?state=done").headers["HX-PTag"]
    assert part(app, "/ops/jobs?state=done", tag).status_code == 304
    staffed.submit(staffed.engine.jobs["shop.note"], 9)
    staffed.work()
    assert part(app, "/ops/jobs?state=done", tag).status_code == 200


def test_a_list_that_is_held_counts_what_is_newer(app: Flask, staffed: Workshop, uids: list[str]) -> None:
    shown = get(app, "/ops/jobs").get_data(as_text=True)
    held = re.search(r'data-held="([^"]+)"', shown)
    assert held
    staffed.submit(staffed.engine.jobs["shop.note"], 4, 5)
    page = get(app, held[1].replace("&amp;", "&"))
    assert listed(page) == uids[::-1]
    assert "2 newer jobs · Show" in text_of(page)


def test_who_may_only_see_gets_no_boxes(app: Flask, guarded: GuardedHost, uids: list[str]) -> None:
    assert 'name="uid"' in get(app, "/ops/jobs").get_data(as_text=True)
    guarded.allowed = frozenset({"see"})
    seen = get(app, "/ops/jobs")
    assert (listed(seen), 'name="uid"' in seen.get_data(as_text=True)) == (uids[::-1], False)


# -- acting on what is chosen


def test_ticked_jobs_are_asked_about_and_then_cancelled(app: Flask, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), 1, 2, 3)
    query = f"action=cancel&uid={uids[0]}&uid={uids[2]}"
    asked = text_of(get(app, f"/ops/jobs/chosen?{query}"))
    assert "Cancel 2 jobs?" in asked
    assert "Type" not in asked
    assert staffed.state(*uids) == [State.READY] * 3
    begun = post(app, "/ops/jobs/chosen", action="cancel", uid=[uids[0], uids[2]])
    assert begun.status_code == 303
    staffed.work("default")
    assert staffed.state(*uids) == [State.CANCELLED, State.READY, State.CANCELLED]
    assert staffed.moves(uids[0]) == ["cancelled by Ada"]


def test_all_that_match_need_their_number_typed(app: Flask, staffed: Workshop) -> None:
    uids = staffed.submit(staffed.noting(), *range(120))
    other = staffed.submit_one(staffed.noting("other"), 1)
    data = {"action": "move", "all": "1", "state": "queued", "q": "kind:shop.note", "to_queue": QUEUE}
    asked = text_of(get(app, "/ops/jobs/chosen?action=move&all=1&state=queued&q=kind:shop.note"))
    assert "Move 120 jobs to another queue?" in asked
    assert "and 115 more" in asked
    assert "All that match state:queued kind:shop.note" in asked
    wrong = post(app, "/ops/jobs/chosen", **data, number="119")
    assert (wrong.status_code, "Type 120, the number of jobs as it is now" in text_of(wrong)) == (422, True)
    staffed.noting("third", queue="third")
    assert post(app, "/ops/jobs/chosen", **{**data, "to_queue": "third"}, number="120").status_code == 303
    staffed.work("default")
    assert {staffed.entry(uid).queue for uid in uids} == {"third"}
    assert staffed.entry(other).queue == QUEUE


def test_a_priority_is_changed_and_undone(app: Flask, staffed: Workshop) -> None:
    uid = staffed.submit_one(staffed.noting(), 1)
    assert post(app, "/ops/jobs/chosen", action="reprioritise", uid=uid, priority="11").status_code == 422
    assert post(app, "/ops/jobs/chosen", action="reprioritise", uid=uid, priority="2").status_code == 303
    staffed.work("default")
    assert staffed.entry(uid).priority == 2
    with staffed.host.inside():
        operation = staffed.engine.bulk.page()[0].uid
        staffed.engine.bulk.undo(operation, by="Ada")
    staffed.work("default")
    assert staffed.entry(uid).priority == 5


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("action=dance&uid=x", "Choose what to do"),
        ("action=retry", "Tick some jobs first"),
        ("action=retry&uid=" + "0" * 32, "None of these jobs can be run again now."),
        ("action=retry&uid=a%00b", "Tick up to 200 jobs"),
        ("action=retry&all=1&state=done", "Jobs that are done cannot be run again."),
        ("action=retry&all=1&q=colour:red", "“colour” is not understood."),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(app: Flask, query: str, sentence: str) -> None:
    for answer in (
        get(app, f"/ops/jobs/chosen?{query}"),
        app.test_client().post("/ops/jobs/chosen", data=query, content_type="application/x-www-form-urlencoded"),
    ):
        assert (answer.status_code, sentence in text_of(answer)) == (422, True)


def test_too_much_to_look_through_is_no_choice(app: Flask, staffed: Workshop) -> None:
    staffed.submit(staffed.noting(), *range(5_100))
    answer = get(app, "/ops/jobs/chosen?action=cancel&all=1&q=args.number:1")
    assert (answer.status_code, "Too many jobs would have to be looked through." in text_of(answer)) == (422, True)
