"""Declaring jobs."""

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
