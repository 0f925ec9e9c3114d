"""What is said of what is wrong."""

import pytest

from jobs.console.areas.verdict import Problem, Signs, problems


def said(**signs: object) -> list[str]:
    return [one.sentence for one in problems(Signs(**signs))]  # type: ignore[arg-type]


def test_nothing_is_wrong_when_all_is_well() -> None:
    assert problems(Signs(oldest_s=3, versions=["1.0"], most_skew_s=0.2, schedule_late_s=5)) == []


def test_everything_that_is_wrong_is_said() -> None:
    assert said(workers=0, schedulers=0, blind=1, failed_today=2, oldest_s=61, unserved=["work"]) == [
        "No worker is running: jobs wait. Start bin/worker.",
        "No scheduler is running: retries and rescues wait. Start bin/scheduler.",
        "Redis is away for some processes: jobs run, a second later than usual.",
        "The oldest ready job has waited for 61 s.",
        "2 failed in the last 24 hours.",
    ]


@pytest.mark.parametrize(
    ("signs", "sentence", "endpoint"),
    [
        ({"lost": 1}, "1 process fell silent; jobs it ran go back by themselves.", "workers"),
        ({"lost": 2}, "2 processes fell silent; jobs it ran go back by themselves.", "workers"),
        ({"redis": "refused"}, "Redis is away (refused): jobs run, a second later than usual.", "broker"),
        ({"most_skew_s": 600}, "The clock of a process is 10 min off.", "workers"),
        ({"versions": ["1.0", "1.1"]}, "Different versions run side by side: 1.0, 1.1.", "workers"),
        ({"unknown_kinds": ["shop.gone"]}, "Jobs wait that no worker knows: shop.gone.", "queues"),
        ({"schedule_late_s": 7_200}, "A schedule is 2 h late.", "schedules"),
        ({"broken_schedules": 1}, "1 schedule cannot be followed.", "schedules"),
    ],
)
def test_each_problem_leads_to_where_more_is_told(signs: dict[str, object], sentence: str, endpoint: str) -> None:
    (found,) = problems(Signs(**signs))  # type: ignore[arg-type]
    assert (found.sentence, found.endpoint) == (sentence, endpoint)


def test_a_queue_that_nobody_works_off_is_named() -> None:
    found = problems(Signs(unserved=["reports"]))
    assert found == [Problem("Nobody works off the queue reports, and jobs wait in it.", "queue", {"name": "reports"})]
