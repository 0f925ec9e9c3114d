"""How many quick jobs may share a transaction."""

from jobs.dispatch.pace import MOST_TOGETHER, Pace


def test_a_kind_nobody_ran_yet_gets_a_transaction_for_each_job() -> None:
    assert Pace().together("new") == 1


def test_quick_jobs_share_a_transaction_up_to_a_limit() -> None:
    pace = Pace()
    pace.learn("quick", 0.0001, 0.0001)
    pace.learn("brisk", 0.005, 0.005)
    assert (pace.together("quick"), pace.together("brisk")) == (MOST_TOGETHER, 10)


def test_slow_jobs_run_alone() -> None:
    pace = Pace()
    pace.learn("slow", 0.5, 0.5)
    assert pace.together("slow") == 1


def test_one_slow_job_outweighs_the_quick_ones_before_it_and_is_forgotten_slowly() -> None:
    pace = Pace()
    for _ in range(100):
        pace.learn("mixed", 0.001, 0.001)
    assert pace.together("mixed") == MOST_TOGETHER
    pace.learn("mixed", 0.1, 0.1)
    assert pace.together("mixed") == 1
    for _ in range(2):
        pace.learn("mixed", 0.001, 0.001)
    assert pace.together("mixed") == 1
    for _ in range(40):
        pace.learn("mixed", 0.001, 0.001)
    assert pace.together("mixed") == MOST_TOGETHER


def test_a_crowded_machine_does_not_make_quick_jobs_slow() -> None:
    pace = Pace()
    pace.learn("crowded", 0.04, 0.0005)
    assert pace.together("crowded") == MOST_TOGETHER


def test_a_job_that_waits_longer_than_a_transaction_may_last_is_slow_however_little_it_computes() -> None:
    pace = Pace()
    pace.learn("waiting", 5.0, 0.0005)
    assert pace.together("waiting") == 1
