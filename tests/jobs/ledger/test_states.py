"""The states of a job."""

from jobs.ledger.states import LIVE, MOVES, RETRYABLE, SETTLED, WAITING, State


def test_every_state_is_either_live_or_settled() -> None:
    assert sorted((*LIVE, *SETTLED)) == sorted(State)
    assert set(WAITING) < set(LIVE)


def test_a_job_that_succeeded_never_moves_again() -> None:
    assert MOVES[State.SUCCEEDED] == frozenset()


def test_what_can_be_retried_goes_to_ready_or_as_a_step_waits_again() -> None:
    assert {state: MOVES[state] for state in RETRYABLE} == {state: {State.READY, State.BLOCKED} for state in RETRYABLE}


def test_only_what_lives_can_be_cancelled() -> None:
    assert {state for state in State if State.CANCELLED in MOVES[state]} == set(LIVE)


def test_only_a_ready_job_starts_to_run() -> None:
    assert {state for state in State if State.RUNNING in MOVES[state]} == {State.READY}
