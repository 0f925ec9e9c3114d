"""How many jobs each view holds."""

from sqlalchemy.orm import Session

from jobs.ledger import census, reader
from jobs.ledger.states import State

from .pages import VIEWS


def counts_of_views(session: Session) -> dict[str, str]:
    """How many jobs each view holds, in words: beyond ten thousand nobody counts."""
    by_state, again = reader.counts_by_state(session), census.retrying(session)
    counts = {view.key: sum(by_state[state] for state in view.states) for view in VIEWS if view.states}
    counts |= {"retrying": again, "scheduled": max(0, by_state[State.SCHEDULED] - again)}
    most = reader.COUNT_UP_TO
    return {key: f"{most:,}+".replace(",", "\u202f") if count > most else str(count) for key, count in counts.items()}
