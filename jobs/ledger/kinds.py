"""What builds have said they can run."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .models import Entry, KindRow, in_state
from .moments import db_now
from .states import State


def tell(session: Session, kinds: Sequence[Mapping[str, Any]], *, version: str) -> None:
    """Write down what this build can run: `name`, `queue` and what else is `told` of each kind."""
    if not kinds:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = dialect.insert(KindRow)
    new = {name: made.excluded[name] for name in ("queue", "version", "told")}
    rows = [{**one, "version": version} for one in sorted(kinds, key=lambda one: str(one["name"]))]
    session.connection().execute(
        made.on_conflict_do_update(index_elements=["name"], set_={**new, "seen_at": db_now()}), rows
    )


def all_of(session: Session) -> Sequence[KindRow]:
    """Every kind some build has told of, by name."""
    return session.scalars(select(KindRow).order_by(KindRow.name)).all()


def unknown_waiting(session: Session, known: Sequence[str], *, limit: int = 20) -> list[str]:
    """Kinds that wait although no worker of this build knows them, each once."""
    waiting = select(Entry.kind).where(in_state(State.READY), Entry.kind.not_in(known)).limit(1_000).subquery()
    return list(session.scalars(select(waiting.c.kind).distinct().limit(limit)))
