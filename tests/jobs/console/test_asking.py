"""The words of the filter bar, as they stand in the address."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs import Selection, State
from jobs.console.asking import Question
from jobs.ledger.listing import Place

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def meant(text: str, **args: str) -> Selection:
    question, wrong = Question.read({"q": text, **args})
    assert wrong == []
    return question.selection(now=NOW, requester=lambda word: f"user {word}" if word.isdecimal() else word)


def problems(text: str) -> list[str]:
    return Question.read({"q": text})[1]


def test_an_address_is_read_and_written_back() -> None:
    address = {"state": "failed", "q": 'kind:shop.note queue:work error:"no way"', "below": "1763640000000001-17"}
    question, wrong = Question.read(address)
    assert wrong == []
    assert question.below == Place(17, datetime(2025, 11, 20, 12, 0, 0, 1, tzinfo=UTC))
    assert question.args(below=question.below) == address
    assert question.args() == {"state": "failed", "q": address["q"]}


def test_the_addresses_of_other_pages_are_understood() -> None:
    question, wrong = Question.read({"kind": "shop.note", "queue": "work", "uid": "ABCDEF12"})
    assert (wrong, question.text) == ([], "queue:work kind:shop.note id:abcdef12")


def test_every_word_says_which_jobs_are_meant() -> None:
    assert meant("state:failed queue:work name:shop.note user:7 worker:here error:Timeout since:24h") == Selection(
        states=(State.DEAD, State.PARKED),
        kinds=("shop.note",),
        queue="work",
        requested_by="user 7",
        worker="here",
        error="Timeout",
        since=NOW - timedelta(days=1),
    )
    assert meant("args.activity_id:7 args.who.name:Zoë") == Selection(args=(("activity_id", "7"), ("who.name", "Zoë")))
    assert meant("error:0123456789abcdef") == Selection(fingerprint="0123456789abcdef")
    assert meant("since:2026-11-19") == Selection(since=datetime(2026, 11, 19, tzinfo=UTC))
    assert meant("0" * 32) == Selection(uids=("0" * 32,), uid_start="0" * 32)


def test_a_selection_is_told_and_read_back() -> None:
    for text in ("state:retrying since:7d worker:a", "args.n:1 error:x", "id:01234567"):
        assert Selection.read(meant(text).told()) == meant(text)


def test_the_ledgers_own_words_are_understood() -> None:
    assert Question.read({"state": "ready"})[0].view.key == "queued"
    assert Question.read({"state": "succeeded"})[0].view.key == "done"
    assert Question.read({"state": "parked"})[0].view.states == (State.PARKED,)


STATES = "scheduled, queued, running, retrying, failed, cancelled, done"
VALID = "Write state:, queue:, kind:, user:, id:, worker:, error:, args.key:, since:"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("state:sleeping", f"“sleeping” is not a state. It can be {STATES}."),
        ("colour:red", f"“colour” is not understood. {VALID}"),
        ("hello", f"“hello” is not understood. {VALID}"),
        ("queue:", "“queue:” needs a word after it."),
        ("queue:a queue:b", "“queue:” is there twice."),
        ("id:xyz", "“xyz” is not an id: 8 to 32 of the digits 0–9 and a–f."),
        ("since:yesterday", "“yesterday” is not a time. Write 30m, 24h, 7d or a day such as 2026-11-20."),
        ("since:999999w", "“999999w” is not a time. Write 30m, 24h, 7d or a day such as 2026-11-20."),
        ("args:7", f"“args” is not understood. {VALID}"),
        ('args.a"b:7', f'“args.a"b:7” is not understood. {VALID}'),
        ("args.a:1 args.b:1 args.c:1 args.d:1 args.e:1 args.f:1", "At most 5 arguments can be asked for."),
    ],
)  # fmt: skip
def test_a_word_that_is_not_understood_is_named_with_what_would_be(text: str, sentence: str) -> None:
    assert problems(text) == [sentence]


def test_a_kind_alone_is_understood() -> None:
    assert Question.read({"q": "shop.note"}, kinds=["shop.note"])[0].text == "kind:shop.note"


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 129, "two\nlines"])
def test_words_that_no_database_takes_are_refused(text: str) -> None:
    assert Question.read({"kind": text})[1] == ["“kind” cannot be read."]
    assert Question.read({"worker": text})[1] == ["“worker” cannot be read."]


@pytest.mark.parametrize("text", ["", "x", "-1", "１", "9" * 40, "99999999999999999999", "1-", "-", "9" * 18 + "-1"])
def test_a_place_that_is_none_is_the_first_page(text: str) -> None:
    assert Question.read({"below": text}) == (Question(), [])
