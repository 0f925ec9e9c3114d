"""What a job does outside of the database: once, as far as anybody can know.

A mail or a call to another service cannot be part of a transaction. So its intention is written down before, under a
key, and its answer after. An attempt that finds the answer does nothing; one that finds only the intention knows that
an earlier one may have done it, and either does it again under the same key, which a good receiver recognises, or
leaves it to a person.
"""

from collections.abc import Callable
from typing import Any

from jobs.errors import UnknownOutcome
from jobs.host import Host
from jobs.ledger import effects
from jobs.transactions import retrying

LONGEST_KEY = 160


def once(host: Host, job_uid: str, name: str, act: Callable[[str], Any], *, again: bool) -> Any:
    """The answer of `act(key)`, called now or by an earlier attempt. As `Run.once`."""
    key = f"{job_uid}:{name}"
    if not 1 <= len(name) <= LONGEST_KEY:
        raise ValueError(f"the name of an effect has 1 to {LONGEST_KEY} characters")
    with host.transaction() as session:
        if not effects.intend(session, key, job_uid):
            known = effects.look(session, key)
            if known.is_done:
                return known.answer
            if not again:
                raise UnknownOutcome(f"“{name}” was begun by an attempt that did not live to tell how it ended.")
            effects.try_again(session, key)
    answer = act(key)
    _note_answer(host, key, answer)
    return answer


@retrying
def _note_answer(host: Host, key: str, answer: Any) -> None:
    with host.transaction() as session:
        effects.done(session, key, answer)
