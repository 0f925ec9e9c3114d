"""Any sequence of moves, over the real SQL, against a model of what the ledger promises.

Time passes, or turns back, where the machine says so, by whole steps. What is to come is half a step away, so that no
outcome hangs on how quick the machine is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Row, select

from jobs import Entry, State, Unique, WrongState
from jobs.errors import Superseded
from jobs.ledger import writer
from jobs.ledger.models import Attempt
from jobs.ledger.states import LIVE, MOVES, RETRYABLE, WAITING, Outcome
from jobs.ledger.writer import Claim, Failure
from tests.jobs.host import SmallHost, effects
from tests.jobs.workshop import Workshop

FAILURE = Failure("ValueError", "no")
BATCH = 3
CHANCE = st.integers(0, 1_000)
STEP_S = 600
LEASE_S = 1.5 * STEP_S
TWINS: Mapping[str, tuple[State, ...]] = {"twin": WAITING, "sole": LIVE, "rare": LIVE}
"""Kinds of which one stands for another, and in which states; a rare one does so for a while after it, too."""
RARE_S = 1.5 * STEP_S
NUMBERS = (-2, -1)
MOST_PER_KEY = {"narrow": 1, "wide": 2}
MOST_RUNNING = Counter({f"shop.{kind}:{number}": most for kind, most in MOST_PER_KEY.items() for number in NUMBERS})


@dataclass
class Known:
    """What the model knows of one job."""

    number: int
    kind: str
    priority: int
    state: State
    run_at: datetime | None = None
    expires_at: datetime | None = None
    lease_until: datetime | None = None
    holds_its_key: bool = True
    turn: int = 0
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    was_asked_to_end: bool = False
    outcomes: list[str] = field(default_factory=list)

    @property
    def stands_for_others(self) -> bool:
        """Whether it keeps its twin from being made, as long as it holds its key."""
        return self.kind in TWINS and self.state in TWINS[self.kind]

    def move(self, state: State, outcome: Outcome | None = None) -> None:
        if self.was_asked_to_end and state in (*WAITING, State.PARKED):
            state = State.CANCELLED
        assert state in MOVES[self.state], f"{self.state} → {state} is no move"
        self.state = state
        if outcome is not None:
            self.outcomes.append(str(outcome))


class Ledger(RuleBasedStateMachine):
    """Submits, claims, finishes, fails, crashes, rescues, expires, and never loses or doubles an effect."""

    host: SmallHost

    def __init__(self) -> None:
        super().__init__()
        self.shop = Workshop(self.host)
        self.shop.empty()
        self.kinds = {
            "note": self.shop.noting("note"),
            "batch": self.shop.batched(lambda numbers: None, size=BATCH),
            "twin": self.shop.noting("twin", unique=Unique.WAITING),
            "sole": self.shop.noting("sole", unique=Unique.LIVE),
            "rare": self.shop.noting("rare", unique=Unique.LIVE, unique_for=int(RARE_S * 1_000)),
            "narrow": self.shop.noting("narrow", concurrency_by="number", most_per_key=MOST_PER_KEY["narrow"]),
            "wide": self.shop.noting("wide", concurrency_by="number", most_per_key=MOST_PER_KEY["wide"]),
        }
        self.known: dict[str, Known] = {}
        self.lately: dict[int, tuple[str, datetime]] = {}
        self.held: list[list[Claim]] = []
        self.stale: list[list[Claim]] = []
        self.living: set[str] = set()
        self.wrong_by = timedelta()

    # -- what happens

    @rule(
        kind=st.sampled_from(["note", "batch"]),
        count=st.integers(1, 4),
        priority=st.sampled_from([0, 5, 9]),
        is_for_later=st.booleans(),
        expires_in=st.sampled_from([None, 0.5, 1.5]),
    )
    def submit(self, kind: str, count: int, priority: int, is_for_later: bool, expires_in: float | None) -> None:
        numbers = range(len(self.known), len(self.known) + count)
        now = datetime.now(UTC)
        run_at = now + timedelta(seconds=STEP_S / 2) if is_for_later else None
        expires_at = None if expires_in is None else now + timedelta(seconds=expires_in * STEP_S)
        uids = self.shop.submit(self.kinds[kind], *numbers, priority=priority, run_at=run_at, expires_at=expires_at)
        state = State.READY if run_at is None else State.SCHEDULED
        run_at, expires_at = (moment and moment + self.wrong_by for moment in (run_at, expires_at))
        turn = self._next_turn(priority)
        for uid, number in zip(uids, numbers, strict=True):
            self.known[uid] = Known(number, kind, priority, state, run_at, expires_at, turn=turn)

    @rule(kind=st.sampled_from(list(MOST_PER_KEY)), number=st.sampled_from(NUMBERS), count=st.integers(1, 3))
    def submit_under_a_key(self, kind: str, number: int, count: int) -> None:
        turn = self._next_turn(5)
        for uid in self.shop.submit(self.kinds[kind], *[number] * count):
            self.known[uid] = Known(number, kind, 5, State.READY, turn=turn)

    @rule(kind=st.sampled_from(["twin", *TWINS]), number=st.sampled_from(NUMBERS))
    def submit_a_twin(self, kind: str, number: int) -> None:
        holder = self._holder(kind, number)
        lately, until = self.lately.get(number, (None, self._now()))
        is_too_soon = kind == "rare" and lately is not None and self._now() < until
        stand_in = lately if is_too_soon else holder
        (uid,) = self.shop.submit(self.kinds[kind], number)
        if stand_in is None:
            assert uid not in self.known
            self.known[uid] = Known(number, kind, 5, State.READY, turn=self._next_turn(5))
        else:
            assert uid == stand_in
        if kind == "rare" and not is_too_soon:
            self.lately[number] = (uid, self._now() + timedelta(seconds=RARE_S))

    @rule(passed=st.integers(0, 1))
    def claim(self, passed: int) -> None:
        self.clock_jumps(passed)
        best = self._best()
        claims = self.shop.claim(lease_s=LEASE_S)
        assert [one.uid for one in claims] == best
        for one in claims:
            self.known[one.uid].move(State.RUNNING)
            self.known[one.uid].attempt += 1
        self._lease(claims, LEASE_S)
        if claims:
            self.held.append(claims)

    @precondition(lambda self: self.held)
    @rule(chance=CHANCE)
    def finish(self, chance: int) -> None:
        claims = self._take(self.held, chance)
        self.shop.finish(claims, *(self.known[one.uid].number for one in claims))
        for one in claims:
            self.known[one.uid].move(State.SUCCEEDED, Outcome.SUCCEEDED)
        self.stale.append(claims)

    @precondition(lambda self: self.held)
    @rule(chance=CHANCE, way=st.sampled_from(["fail", "snooze", "interrupt", "give up"]), at_once=st.booleans())
    def settle_one(self, chance: int, way: str, at_once: bool) -> None:
        claims = self._take(self.held, chance)
        one = claims[chance % len(claims)]
        known = self.known[one.uid]
        outcome = {"fail": Outcome.FAILED, "snooze": Outcome.SNOOZED, "interrupt": Outcome.INTERRUPTED}.get(way)
        with self.host.transaction() as session:
            if outcome is None:
                writer.bury(session, one, outcome=Outcome.GAVE_UP, failure=FAILURE)
            else:
                delay_s = 0 if at_once else STEP_S / 2
                writer.retry_later(session, one, outcome=outcome, delay_s=delay_s, failure=FAILURE)
        if outcome is None:
            known.move(State.DEAD, Outcome.GAVE_UP)
        else:
            known.move(State.READY if at_once else State.SCHEDULED, outcome)
            known.run_at = self._in(STEP_S / 2)
        known.failures += outcome in (None, Outcome.FAILED)
        self.stale.append([one])
        if rest := [other for other in claims if other is not one]:
            self.held.append(rest)

    @precondition(lambda self: self.held)
    @rule(chance=CHANCE)
    def give_back(self, chance: int) -> None:
        claims = self._take(self.held, chance)
        with self.host.transaction() as session:
            assert writer.give_back(session, [claims[0].owner]) == len(claims)
        for one in claims:
            self.known[one.uid].move(State.READY, Outcome.INTERRUPTED)
        self.stale.append(claims)

    @precondition(lambda self: self.held)
    @rule(chance=CHANCE)
    def hand_back_what_was_not_begun(self, chance: int) -> None:
        claims = self._take(self.held, chance)
        with self.host.transaction() as session:
            writer.hand_back(session, claims)
        for one in claims:
            self.known[one.uid].move(State.READY)
            self.known[one.uid].attempt -= 1
        self.stale.append(claims)

    @precondition(lambda self: self.held)
    @rule(chance=CHANCE)
    def crash(self, chance: int) -> None:
        claims = self.held[chance % len(self.held)]
        with self.host.transaction() as session:
            writer.extend_leases(session, [claims[0].owner], lease_s=-STEP_S / 2)
        self._lease(claims, -STEP_S / 2)
        self.rescue()

    @rule()
    def rescue(self) -> None:
        """Whose lease ran out is taken back, whether its worker crashed or the clock jumped."""
        now = self._now()
        lost = [claims for claims in self.held if self._lease_of(claims) < now]
        assert self.shop.engine.reaper.reap() == sum(map(len, lost))
        for one in (one for claims in lost for one in claims):
            known = self.known[one.uid]
            known.crashes += 1
            known.move([State.READY, State.SCHEDULED, State.PARKED][known.crashes - 1], Outcome.LOST)
            if known.state is State.SCHEDULED:  # suspects come back apart, which is not the model's business
                run_at = self.shop.entry(one.uid).run_at
                assert run_at is not None
                known.run_at = run_at + self.wrong_by
        self.held = [claims for claims in self.held if claims not in lost]
        self.stale += lost

    @precondition(lambda self: self.held)
    @rule(chance=CHANCE)
    def live_on(self, chance: int) -> None:
        claims = self.held[chance % len(self.held)]
        with self.host.transaction() as session:
            assert writer.extend_leases(session, [claims[0].owner], lease_s=LEASE_S) == len(claims)
        self._lease(claims, LEASE_S)

    @rule(steps=st.sampled_from([-6, -1, 1, 1, 2]))
    def clock_jumps(self, steps: int) -> None:
        if not steps:
            return
        self.shop.move_clock(steps * STEP_S)
        self.wrong_by += timedelta(seconds=steps * STEP_S)

    @precondition(lambda self: self.stale)
    @rule(chance=CHANCE)
    def come_back_as_a_zombie(self, chance: int) -> None:
        claims = self.stale[chance % len(self.stale)]
        with pytest.raises(Superseded):
            self.shop.finish(claims, *(9_000_000 for _ in claims))
        with pytest.raises(Superseded), self.host.transaction() as session:
            writer.retry_later(session, claims[0], outcome=Outcome.FAILED, delay_s=0, failure=FAILURE)
        with pytest.raises(Superseded), self.host.transaction() as session:
            writer.bury(session, claims[0], outcome=Outcome.FAILED, failure=FAILURE)
        with pytest.raises(Superseded), self.host.transaction() as session:
            writer.hand_back(session, claims)
        with self.host.transaction() as session:
            assert writer.still_mine(session, claims) == []

    @rule(passed=st.integers(0, 1))
    def promote(self, passed: int) -> None:
        self.clock_jumps(passed)
        now = self._now()
        due = [one for one in self.known.values() if one.state is State.SCHEDULED and one.run_at and one.run_at <= now]
        assert self.shop.engine.relay.promote() == len(due)
        turns = [self._next_turn(one.priority) for one in due]
        for one, turn in zip(due, turns, strict=True):
            one.move(State.READY)
            one.turn = turn

    @rule(passed=st.integers(0, 1))
    def expire(self, passed: int) -> None:
        self.clock_jumps(passed)
        late = [one for one in self.known.values() if one.state in WAITING and self._is_too_late(one)]
        assert self.shop.engine.relay.expire() == len(late)
        for one in late:
            one.move(State.CANCELLED)

    @precondition(lambda self: self.known)
    @rule(chance=CHANCE)
    def cancel(self, chance: int) -> None:
        uid, known = list(self.known.items())[chance % len(self.known)]
        if known.state in WAITING:
            assert self.shop.engine.cancel(uid, by="Ada") is True
            known.move(State.CANCELLED)
        elif known.state is State.RUNNING:
            assert self.shop.engine.cancel(uid, by="Ada") is False
            known.was_asked_to_end = True
        else:
            with pytest.raises(WrongState):
                self.shop.engine.cancel(uid, by="Ada")

    @precondition(lambda self: self.known)
    @rule(chance=CHANCE)
    def retry(self, chance: int) -> None:
        uid, known = list(self.known.items())[chance % len(self.known)]
        if known.state in RETRYABLE:
            self.shop.engine.retry(uid, by="Ada")
            known.was_asked_to_end = False
            known.expires_at = None
            known.turn = self._next_turn(known.priority)
            known.move(State.READY)
            known.failures = known.crashes = 0
        else:
            with pytest.raises(WrongState):
                self.shop.engine.retry(uid, by="Ada")

    # -- what always holds

    @invariant()
    def what_is_promised_holds(self) -> None:
        with self.host.inside():
            rows = {row.uid: row for row in self.host.reading().execute(select(Entry.__table__))}
            told: dict[int, list[Any]] = {}
            for attempt in self.host.reading().execute(select(Attempt.__table__).order_by(Attempt.attempt)):
                told.setdefault(attempt.job_id, []).append(attempt)
            effects_found = Counter(self.host.reading().scalars(select(effects.c.number)))
        self._the_ledger_says_what_the_model_says(rows, told)
        # An effect exists exactly where a job succeeded.
        assert effects_found == Counter(one.number for one in self.known.values() if one.state is State.SUCCEEDED)
        # Nothing starts after its moment.
        moments = [(row.started_at, row.expires_at) for row in rows.values() if row.started_at and row.expires_at]
        assert [one for one in moments if one[0] >= one[1]] == []
        # Of one key no more run at a time than may.
        running = Counter(row.concurrency_key for row in rows.values() if row.state == State.RUNNING)
        del running[None]
        assert running - MOST_RUNNING == Counter()
        self._a_key_is_given_up_only_to_a_twin_that_lives(rows)

    def _the_ledger_says_what_the_model_says(
        self, rows: Mapping[str, Row[Any]], told: Mapping[int, Sequence[Row[Any]]]
    ) -> None:
        assert {
            uid: (row.state, row.attempt, row.failures, row.crashes, [one.outcome for one in told.get(row.id, [])])
            for uid, row in rows.items()
        } == {
            uid: (known.state, known.attempt, known.failures, known.crashes, known.outcomes)
            for uid, known in self.known.items()
        }
        for uid, known in self.known.items():
            row = rows[uid]
            ended = known.attempt - (known.state is State.RUNNING)
            assert [one.attempt for one in told.get(row.id, [])] == list(range(1, ended + 1))
            assert (row.lease_owner is not None) == (row.lease_until is not None) == (known.state is State.RUNNING)
            assert (row.run_at is not None) == (known.state is State.SCHEDULED) or known.state is State.CANCELLED

    def _a_key_is_given_up_only_to_a_twin_that_lives(self, rows: Mapping[str, Row[Any]]) -> None:
        """And at most one holds it among those that stand for others."""
        twins = {uid: one for uid, one in self.known.items() if one.kind in TWINS}
        holders = {uid for uid in twins if rows[uid].unique_key or rows[uid].live_key}
        for uid in {uid for uid, one in twins.items() if one.holds_its_key} - holders:
            assert [other for other in self.living - {uid} if _are_twins(twins[uid], twins[other])] != []
        for uid, one in twins.items():
            one.holds_its_key = uid in holders
        self.living = {uid for uid in holders if twins[uid].state in LIVE}
        held = Counter((one.kind, one.number) for one in twins.values() if one.holds_its_key and one.stands_for_others)
        assert set(held.values()) <= {1}

    # -- the model's own sums

    def _now(self) -> datetime:
        """What the clock says that jumps; when it does not, the database has the one of this machine."""
        return datetime.now(UTC) + self.wrong_by

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)

    def _lease(self, claims: list[Claim], seconds: float) -> None:
        until = self._in(seconds)
        for one in claims:
            self.known[one.uid].lease_until = until

    def _lease_of(self, claims: list[Claim]) -> datetime:
        """What is claimed together has one lease."""
        (until,) = {self.known[one.uid].lease_until for one in claims}
        assert until is not None
        return until

    def _is_too_late(self, one: Known) -> bool:
        return one.expires_at is not None and one.expires_at <= self._now()

    def _holder(self, kind: str, number: int) -> str | None:
        """The job that stands for another of its kind and number."""
        same = ((uid, one) for uid, one in self.known.items() if (one.kind, one.number) == (kind, number))
        return next((uid for uid, one in same if one.holds_its_key and one.stands_for_others), None)

    def _next_turn(self, priority: int) -> int:
        """What nobody asked for joins the round after the present one."""
        line = [one.turn for one in self.known.values() if one.state is State.READY and one.priority == priority]
        return min(line, default=0) + 1

    def _best(self) -> list[str]:
        """The claim the ledger must make: by priority, round, age; a batch of one kind and priority, no suspects."""
        running = Counter((one.kind, one.number) for one in self.known.values() if one.state is State.RUNNING)
        full = {(kind, number) for (kind, number), count in running.items() if count == MOST_PER_KEY.get(kind)}
        ready = [
            (uid, one)
            for uid, one in self.known.items()
            if one.state is State.READY and not self._is_too_late(one) and (one.kind, one.number) not in full
        ]
        ready.sort(key=lambda pair: pair[1].turn)
        if not ready:
            return []
        first, best = min(ready, key=lambda pair: pair[1].priority)
        if best.crashes or best.kind != "batch":
            return [first]
        alike = (best.kind, best.priority, 0)
        mates = [uid for uid, one in ready if (one.kind, one.priority, one.crashes) == alike][:BATCH]
        return [uid for uid in self.known if uid in mates]

    def _take(self, claims: list[list[Claim]], chance: int) -> list[Claim]:
        return claims.pop(chance % len(claims))


def _are_twins(one: Known, other: Known) -> bool:
    return (one.kind, one.number) == (other.kind, other.number)


def test_no_sequence_of_moves_loses_or_doubles_anything(host: SmallHost) -> None:
    machine = type("Machine", (Ledger,), {"host": host})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=16,
            stateful_step_count=30,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
