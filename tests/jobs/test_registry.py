"""Declaring jobs."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from jobs import BadArguments, JobGroup
from jobs.registry import Job


def test_a_job_is_named_after_its_group_and_its_function() -> None:
    group = JobGroup("letters")

    @group.actor(queue_name="post", priority=2, max_retries=7)
    def send(number: int) -> None:
        pass

    assert [(job.name, job.queue_name, job.priority, job.max_retries) for job in group] == [
        ("letters.send", "post", 2, 7)
    ]
    assert not send.is_batched


def test_a_batched_job_says_how_many_it_takes() -> None:
    group = JobGroup("letters")

    @group.actor(queue_name="post", batch_size=1)
    def send(numbers: list[int]) -> None:
        pass

    assert (send.is_batched, send.batch_size) == (True, 1)


def test_a_name_is_declared_once() -> None:
    group = JobGroup("letters")

    def send() -> None:
        pass

    group.actor(queue_name="post")(send)
    with pytest.raises(ValueError, match=r"letters\.send is declared twice"):
        group.actor(queue_name="post")(send)


@pytest.mark.parametrize("wrong", [{"priority": -1}, {"priority": 10}, {"batch_size": 0}])
def test_an_option_out_of_range_is_refused(wrong: dict[str, int]) -> None:
    def send(numbers: list[int]) -> None:
        pass

    with pytest.raises(ValueError, match=r"letters\.send"):
        JobGroup("letters").actor(queue_name="post", **wrong)(send)


def test_a_batched_job_takes_exactly_one_list() -> None:
    def send(numbers: list[int], also: int) -> None:
        pass

    with pytest.raises(ValueError, match="exactly one list"):
        JobGroup("letters").actor(queue_name="post", batch_size=2)(send)


def test_a_batched_job_is_atomic() -> None:
    with pytest.raises(ValueError, match="is atomic"):
        Job(name="x", run=lambda numbers: None, queue_name="q", is_batched=True, atomic=False)


def test_a_coroutine_is_refused() -> None:
    async def wander() -> None:
        """Never called."""

    with pytest.raises(ValueError, match="wander: a job is an ordinary function, not a coroutine"):
        Job(name="wander", run=wander, queue_name="default")


def test_arguments_may_have_64_kib_of_json() -> None:
    def run(text: str) -> None: ...

    job = JobGroup("sample").actor(queue_name="work")(run)
    just_right = "x" * (65_536 - len('{"text": ""}'))
    job.check({"text": just_right})
    with pytest.raises(BadArguments, match="arguments may have 65,536 characters of JSON; these have 65,537"):
        job.check({"text": just_right + "x"})


@pytest.mark.parametrize("number", [2**63, -(2**63), 10**400, True, 1.0, "1", None])
def test_a_whole_number_is_one_that_can_be_kept(number: object) -> None:
    def run(number: int) -> None: ...

    job = JobGroup("sample").actor(queue_name="work")(run)
    job.check({"number": 2**63 - 1})
    job.check({"number": 1 - 2**63})
    with pytest.raises(BadArguments, match=r"^sample\.run: number must be a whole number$"):
        job.check({"number": number})


class Colour(Enum):
    """Something that JSON does not hold."""

    RED = "red"


def with_argument(kind: Any) -> Callable[..., None]:
    """A function that takes one `thing` of this type."""

    def run(thing: Any) -> None: ...

    run.__annotations__["thing"] = kind
    return run


@pytest.mark.parametrize("kind", [Colour, Decimal, datetime, Colour | None, list[Decimal], dict[str, Colour], set[int]])
def test_a_type_that_json_does_not_hold_is_refused_when_the_job_is_declared(kind: Any) -> None:
    name = next(name for name in ("Colour", "Decimal", "datetime", "set") if name in str(kind))
    with pytest.raises(ValueError, match=rf"^sample\.run: thing cannot be of type {name}; a job is given what JSON"):
        JobGroup("sample").actor(queue_name="work")(with_argument(kind))


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "words", "told"),
    [
        (dict[str, int], {"a": 1}, {"a": 1, "b": "x"}, "an object (a whole number each)", "integer"),
        (Mapping[str, str], {"a": "x"}, {"a": 1}, "an object (text each)", "string"),
        (dict[str, list[int]], {"a": [1]}, {"a": ["x"]}, "an object (a list (a whole number each) each)", "array"),
    ],
)
def test_what_an_object_holds_is_looked_at(kind: Any, right: Any, wrong: Any, words: str, told: str) -> None:
    job = JobGroup("sample").actor(queue_name="work")(with_argument(kind))
    job.check({"thing": right})
    job.check({"thing": {}})
    with pytest.raises(BadArguments, match=re.escape(f"sample.run: thing must be {words}")):
        job.check({"thing": wrong})
    assert job.told()["arguments"]["properties"]["thing"]["additionalProperties"]["type"] == told


@pytest.mark.parametrize("kind", [Sequence[int], tuple[int, ...], list[int]])
def test_what_a_list_holds_is_looked_at(kind: Any) -> None:
    job = JobGroup("sample").actor(queue_name="work")(with_argument(kind))
    job.check({"thing": [1, 2]})
    with pytest.raises(BadArguments, match=r"thing must be a list \(a whole number each\)"):
        job.check({"thing": [1, "x"]})


@pytest.mark.parametrize(
    ("args", "errors"),
    [
        ({"wrong_name": 1}, {"wrong_name": "is not an argument of this job"}),
        ({"numbers": 1, "b": "x"}, {"b": "is not an argument of this job"}),
        ({"number": 1, "b": "x"}, {"number": "is not an argument of this job", "b": "is not an argument of this job"}),
        ({"numbers": "x"}, {}),
        ({"numbers": [1]}, {}),
        ({}, {}),
    ],
)
def test_one_job_of_a_batch_is_given_the_one_argument_there_is(args: Any, errors: dict[str, str]) -> None:
    def run(numbers: list[int]) -> None: ...

    job = JobGroup("sample").actor(queue_name="work", batch_size=10)(run)
    job.check({"numbers": 1})
    job.check({"number": 1})
    with pytest.raises(BadArguments) as refused:
        job.check(args)
    is_missing = "numbers" not in args
    wanted = f"{'is missing; it ' if is_missing else ''}must be a whole number"
    is_wrong = is_missing or not isinstance(args["numbers"], int)
    assert refused.value.errors == errors | ({"numbers": wanted} if is_wrong else {})
