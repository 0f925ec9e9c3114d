"""Defects that a promise would not survive, each with the smallest tests that have to notice it."""

from dataclasses import dataclass

LEDGER, DISPATCH = "tests/jobs/ledger", "tests/jobs/dispatch"


@dataclass(frozen=True, slots=True)
class Planted:
    """A text of the engine, which is there once, and what stands there instead.

    Where only writers at the same moment can tell, the tests run beside PostgreSQL.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    database: str = "sqlite"


PLANTED = (
    Planted(
        "drop the fence of the finish",
        "jobs/ledger/hot.py",
        " AND state = 'running' AND lease_owner = :owner",
        "",
        (f"{LEDGER}/test_races.py::test_a_finish_after_a_rescue_writes_nothing",),
    ),
    Planted(
        "drop the fence of every other settlement",
        "jobs/ledger/writer.py",
        "        job.c.lease_owner == owner,\n        job.c.attempt == number,\n",
        "",
        (f"{LEDGER}/test_writer.py::test_what_is_told_too_late_ends_nothing_of_the_attempt_after_it",),
    ),
    Planted(
        "commit the effect before the finish",
        "jobs/dispatch/runner.py",
        "        with self._host.transaction() as session:\n            results = come_to()\n",
        "        results = come_to()\n        with self._host.transaction() as session:\n",
        (f"{LEDGER}/test_broken_statements.py",),
    ),
    Planted(
        "wake before the commit",
        "jobs/dispatch/outbox.py",
        "            waiting[wake, queue] += ready\n",
        "            wake(queue, ready)\n",
        (f"{DISPATCH}/test_outbox.py::test_workers_hear_of_jobs_at_the_commit_and_not_before",),
    ),
    Planted(
        "let the wake-up ahead of a commit do for the one after it",
        "jobs/dispatch/sender.py",
        "            return ahead.keys() <= self._pending.keys()\n",
        "            return all(self._pending.pop(queue, None) for queue in ahead)\n",
        (f"{DISPATCH}/test_sender.py::test_what_is_committed_while_somebody_is_woken_for_it_is_told_of_afterwards",),
    ),
    Planted(
        "wake for what was rolled back",
        "jobs/dispatch/outbox.py",
        "        return  # a savepoint was given up; waking too many at the commit is harmless, waking nobody is slow\n"
        "    session.info.pop(MARK, None)\n",
        "        return\n",
        (f"{DISPATCH}/test_outbox.py::test_a_session_that_goes_on_after_a_rollback_wakes_nobody_for_what_is_gone",),
    ),
    Planted(
        "do not look at the lease in the reaper",
        "jobs/ledger/writer.py",
        "in_state(State.RUNNING), job.c.lease_until < db_now()",
        "in_state(State.RUNNING)",
        (f"{LEDGER}/test_writer.py::test_a_job_whose_lease_runs_is_not_rescued",),
    ),
    Planted(
        "forget to count crashes",
        "jobs/ledger/writer.py",
        "            crashes=job.c.crashes + 1,\n",
        "",
        (f"{LEDGER}/test_writer.py::test_the_third_lost_worker_parks_the_job",),
    ),
    Planted(
        "rescue at once after the database was away",
        "jobs/dispatch/reaper.py",
        "self._not_before = time.monotonic() + self._lease_s",
        "self._not_before = 0.0",
        (f"{DISPATCH}/test_reaper.py::test_after_an_outage_it_waits_a_lease_before_it_takes_anything",),
    ),
    Planted(
        "take the database for back while it is away",
        "jobs/dispatch/reaper.py",
        "self._look()",
        "pass",
        (f"{DISPATCH}/test_reaper.py::test_after_an_outage_it_waits_a_lease_before_it_takes_anything",),
    ),
    Planted(
        "forget a claim whose answer was lost",
        "jobs/dispatch/runner.py",
        "if wish and leaves_doubt(error):",
        "if False:",
        (f"{DISPATCH}/test_runner.py::test_what_was_claimed_with_a_finish_that_was_never_heard_of_goes_back",),
    ),
    Planted(
        "extend the leases of dead threads",
        "jobs/dispatch/heartbeat.py",
        "list(self._running.items()) if hold.is_alive()}",
        "list(self._running.items())}",
        (f"{DISPATCH}/test_heartbeat.py::test_a_beat_extends_the_leases_of_living_threads_only",),
    ),
    Planted(
        "promote without looking at the time",
        "jobs/ledger/writer.py",
        "in_state(State.SCHEDULED) & (job.c.run_at <= db_now())",
        "in_state(State.SCHEDULED)",
        (f"{DISPATCH}/test_relay.py::test_a_job_becomes_ready_when_its_time_has_come_and_not_before",),
    ),
    Planted(
        "do not look at the pause",
        "jobs/dispatch/runner.py",
        " if kind not in terms.paused}",
        "}",
        (f"{DISPATCH}/test_control.py::test_a_pause_lets_nothing_start_until_it_ends",),
    ),
    Planted(
        "do not check the unique key",
        "jobs/dispatch/outbox.py",
        '"unique_key": key if job.unique is Unique.WAITING and not request.unique else None',
        '"unique_key": None',
        (f"{LEDGER}/test_races.py::test_twins_submitted_at_once_wait_once",),
    ),
    Planted(
        "let any number of one key run",
        "jobs/ledger/hot.py",
        "            ) < {most} AND",
        "            ) < 1000 + 0 * {most} AND",
        (f"{DISPATCH}/test_control.py::test_of_one_key_one_runs_at_a_time_and_others_go_on",),
    ),
    Planted(
        "let any number of one key start",
        "jobs/ledger/hot.py",
        "            ), 1) >= 1))",
        "            ), 1) >= -1000))",
        (f"{DISPATCH}/test_rates_of_keys.py::test_of_one_key_no_more_start_in_a_while_than_allowed_and_others_go_on",),
    ),
    Planted(
        "claim by age and not by priority",
        "jobs/ledger/hot.py",
        "        AND {MAY_START_ON_SQLITE}\n    ORDER BY rank, turn, id LIMIT 1",
        "        AND {MAY_START_ON_SQLITE}\n    ORDER BY id LIMIT 1",
        (f"{LEDGER}/test_writer.py::test_the_most_urgent_is_claimed_first_and_among_equals_the_oldest",),
    ),
    Planted(
        "let who lost its worker into a batch",
        "jobs/ledger/hot.py",
        "((crashes = 0 AND concurrency_key IS NULL) OR id = :best)",
        "(concurrency_key IS NULL OR id = :best)",
        (f"{LEDGER}/test_writer.py::test_a_batch_passes_by_jobs_that_lost_their_worker",),
    ),
    Planted(
        "tell no attempt of a finish",
        "jobs/ledger/hot.py",
        "        put(connection, SQLITE_TELL, values)\n",
        "",
        (f"{LEDGER}/test_writer.py::test_a_finish_keeps_the_effect_the_result_and_the_attempt",),
    ),
    Planted(
        "count an orderly stop as a failure",
        "jobs/ledger/writer.py",
        "            interruptions=job.c.interruptions + 1,\n",
        "            failures=job.c.failures + 1,\n",
        (f"{LEDGER}/test_writer.py::test_given_back_jobs_are_ready_and_no_failure_is_counted",),
    ),
    Planted(
        "one try less than promised",
        "jobs/dispatch/verdict.py",
        "failures > claim.max_retries",
        "failures >= claim.max_retries",
        (f"{DISPATCH}/test_verdict.py::test_a_failure_is_tried_again_until_its_retries_are_used_up",),
    ),
    Planted(
        "ask what has settled to end",
        "jobs/ledger/control.py",
        "update(job).where(job.c.uid == uid, in_state(State.RUNNING)).values(**asked_to_end(by))",
        "update(job).where(job.c.uid == uid).values(**asked_to_end(by))",
        (f"{LEDGER}/test_machine.py",),
    ),
    Planted(
        "bring back what was asked to end",
        "jobs/ledger/writer.py",
        "                (was_asked, State.CANCELLED.value),\n",
        "",
        (f"{DISPATCH}/test_control.py::test_a_lost_worker_does_not_bring_back_what_was_asked_to_end",),
    ),
    Planted(
        "run whatever message lies in Redis",
        "jobs/dispatch/broker.py",
        "return message if is_ours and is_named and carries",
        "return message if is_named or carries",
        (f"{DISPATCH}/test_broker.py::test_garbage_in_redis_is_passed_over_and_no_thread_dies",),
    ),
    Planted(
        "fire every slot that was missed",
        "jobs/schedules/decision.py",
        "return set(missed[-1:])",
        "return set(missed)",
        ("tests/jobs/schedules/test_firing.py::test_after_an_hour_away_each_schedule_does_what_its_policy_says",),
    ),
    Planted(
        "forget the step that was counted",
        "jobs/dispatch/runner.py",
        "if steps and self._steps.succeeded(session, steps) and then and not following:",
        "if steps[1:] and self._steps.succeeded(session, steps[1:]) and then and not following:",
        ("tests/jobs/workflows/test_once.py::test_a_step_that_lost_its_worker_counts_once",),
    ),
    Planted(
        "believe that what was in the way is still there",
        "jobs/ledger/writer.py",
        "        if not missing or hot.insert(session.connection(), missing) == len(missing):\n"
        "            return stand_ins, Counter(held.values())\n",
        "        return stand_ins, Counter(held.values())\n",
        (
            f"{LEDGER}/test_twins.py::test_what_settles_while_it_is_in_the_way_is_made_anew",
            f"{LEDGER}/test_twins.py::test_every_id_that_is_given_is_of_a_job_that_is_there",
        ),
        database="postgresql",
    ),
    Planted(
        "do not hold a twin for who asks for it",
        "jobs/ledger/writer.py",
        "waiting.with_for_update(read=True, key_share=True)",
        "waiting",
        (
            f"{LEDGER}/test_twins.py::test_a_twin_does_not_start_before_what_it_is_asked_for_is_there",
            f"{LEDGER}/test_twins.py::test_what_was_asked_for_last_is_always_seen",
        ),
        database="postgresql",
    ),
    Planted(
        "wake nobody for a twin that was held",
        "jobs/dispatch/outbox.py",
        "    wake_at_commit(session, wake, written.held)\n",
        "",
        (f"{LEDGER}/test_twins.py::test_workers_are_woken_for_a_twin_that_was_held",),
    ),
    Planted(
        "do again what was done outside",
        "jobs/dispatch/runner.py",
        "return retrying(self._conclude)(",
        "return self._conclude(",
        (f"{LEDGER}/test_broken_statements.py::test_what_was_done_outside_is_not_done_again_for_a_deadlock",),
    ),
)
