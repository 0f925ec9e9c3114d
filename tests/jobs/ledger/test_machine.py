"""Any sequence of moves, over the real SQL, against a model of what the ledger promises.

The model knows nothing of time: a lease runs out and a job is due when the machine says so.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select, text

from jobs import Entry, State, Unique, WrongState
from jobs.errors import Superseded
from jobs.ledger import writer
from jobs.ledger.models import Attempt
from jobs.ledger.states import MOVES, RETRYABLE, WAITING, Outcome
from jobs.ledger.writer import Claim, Failure
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop

FAILURE = Failure("ValueError", "no")
BATCH = 3
CHANCE = st.integers(0, 1_000)


@dataclass
class Known:
    """What the model knows of one job."""

    number: int
    kind: str
    priority: int
    state: State
    unique: bool = False
    turn: int = 0
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    was_asked_to_end: bool = False
    outcomes: list[str] = field(default_factory=list)
    past: list[State] = field(default_factory=list)

    def move(self, state: State, outcome: Outcome | None = None) -> None:
        if self.was_asked_to_end and state in (*WAITING, State.PARKED):
            state = State.CANCELLED
        assert state in MOVES[self.state], f"{self.state} → {state} is no move"
        self.past.append(self.state)
        self.state = state
        if outcome is not None:
            self.outcomes.append(str(outcome))


class Ledger(RuleBasedStateMachine):
    """Submits, claims, finishes, fails, crashes, rescues, and never loses or doubles an effect."""

    host: SmallHost

    def __init__(self) -> None:
        super().__init__()
        self.shop = Workshop(self.host)
        self.shop.empty()
        self.kinds = {
            "note": self.shop.noting("note"),
            "twin": self.shop.noting("twin", unique=Unique.WAITING),
            "batch": self.shop.batched(lambda numbers: None, size=BATCH),
        }
        self.known: dict[str, Known] = {}
        self.held: list[list[Claim]] = []
        self.stale: list[list[Claim]] = []

    # -- what happens

    @rule(kind=st.sampled_from(["note", "batch"]), count=st.integers(1, 4), priority=st.sampled_from([0, 5, 9]))
    def submit(self, kind: str, count: int, priority: int) -> None:
        self._submit(kind, list(range(len(self.known), len(self.known) + count)), priority, State.READY)

    @rule()
    def submit_for_later(self) -> None:
        self._submit("note", [len(self.known)], 5, State.SCHEDULED)

    @rule(number=st.integers(-2, -1))
    def submit_a_twin(self, number: int) -> None:
        waits = any(one.unique and one.number == number and one.state in WAITING for one in self.known.values())
        (uid,) = self.shop.submit(self.kinds["twin"], number)
        is_new = uid not in self.known
        if not self._gave_up_its_key(number):
            assert is_new is not waits
        if is_new:
            turn = self._next_turn(5)
            self.known[uid] = Known(number, "twin", 5, State.READY, unique=Unique.WAITING, turn=turn)

    @rule()
    def claim(self) -> None:
        claims = self.shop.claim()
        assert [one.uid for one in claims] == self._best()
        for one in claims:
            self.known[one.uid].move(State.RUNNING)
            self.known[one.uid].attempt += 1
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
                writer.retry_later(session, one, outcome=outcome, delay_s=0 if at_once else 60, failure=FAILURE)
        if outcome is None:
            known.move(State.DEAD, Outcome.GAVE_UP)
        else:
            known.move(State.READY if at_once else State.SCHEDULED, outcome)
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
        claims = self._take(self.held, chance)
        with self.host.transaction() as session:
            writer.extend_leases(session, [claims[0].owner], lease_s=-60)
        assert self.shop.engine.reaper.reap() == len(claims)
        for one in claims:
            known = self.known[one.uid]
            known.crashes += 1
            known.move([State.READY, State.SCHEDULED, State.PARKED][known.crashes - 1], Outcome.LOST)
        self.stale.append(claims)

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

    @rule()
    def promote(self) -> None:
        with self.host.transaction() as session:
            session.execute(text("UPDATE job SET run_at = created_at WHERE run_at IS NOT NULL"))
        due = [one for one in self.known.values() if one.state is State.SCHEDULED]
        assert self.shop.engine.relay.promote() == len(due)
        turns = [self._next_turn(one.priority) for one in due]
        for one, turn in zip(due, turns, strict=True):
            one.move(State.READY)
            one.turn = turn

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
            known.turn = self._next_turn(known.priority)
            known.move(State.READY)
            known.failures = known.crashes = 0
        else:
            with pytest.raises(WrongState):
                self.shop.engine.retry(uid, by="Ada")

    # -- what always holds

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        with self.host.inside():
            rows = {one.uid: one for one in self.host.reading().scalars(select(Entry))}
            told: dict[int, list[Attempt]] = {}
            for attempt in self.host.reading().scalars(select(Attempt).order_by(Attempt.attempt)):
                told.setdefault(attempt.job_id, []).append(attempt)
        ids = {uid: row.id for uid, row in rows.items()}
        assert {
            uid: (row.state, row.attempt, row.failures, row.crashes, [one.outcome for one in told.get(row.id, [])])
            for uid, row in rows.items()
        } == {
            uid: (known.state, known.attempt, known.failures, known.crashes, known.outcomes)
            for uid, known in self.known.items()
        }
        for uid, known in self.known.items():
            ended = known.attempt - (known.state is State.RUNNING)
            assert [one.attempt for one in told.get(ids[uid], [])] == list(range(1, ended + 1))
            row = rows[uid]
            assert (row.lease_owner is not None) == (row.lease_until is not None) == (known.state is State.RUNNING)
            assert (row.run_at is not None) == (known.state is State.SCHEDULED) or known.state is State.CANCELLED

    @invariant()
    def an_effect_exists_exactly_where_a_job_succeeded(self) -> None:
        succeeded = Counter(one.number for one in self.known.values() if one.state is State.SUCCEEDED)
        assert Counter(self.shop.effects()) == succeeded

    # -- the model's own sums

    def _submit(self, kind: str, numbers: list[int], priority: int, state: State) -> None:
        run_at = None if state is State.READY else self.shop.now()
        uids = self.shop.submit(self.kinds[kind], *numbers, priority=priority, run_at=run_at)
        turn = self._next_turn(priority)
        for uid, number in zip(uids, numbers, strict=True):
            self.known[uid] = Known(number, kind, priority, state, turn=turn)

    def _next_turn(self, priority: int) -> int:
        """What nobody asked for joins the round after the present one."""
        line = [one.turn for one in self.known.values() if one.state is State.READY and one.priority == priority]
        return min(line, default=0) + 1

    def _best(self) -> list[str]:
        """The claim the ledger must make: by priority, round, age; a batch of one kind and priority, no suspects."""
        ready = [(uid, one) for uid, one in self.known.items() if one.state is State.READY]
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

    def _gave_up_its_key(self, number: int) -> bool:
        """Whether some twin went back while another lived: then both may wait, and neither is promised alone."""
        return sum(one.unique and one.number == number for one in self.known.values()) > 1


def test_no_sequence_of_moves_loses_or_doubles_anything(host: SmallHost) -> None:
    machine = type("Machine", (Ledger,), {"host": host})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
