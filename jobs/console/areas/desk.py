"""What all areas of the console lean on: pages and regions, questions before acting, reading what was sent."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, flash, redirect, request, url_for
from sqlalchemy.orm import Session

from jobs.console import answers
from jobs.console.shared import Told
from jobs.console.words import WORDS
from jobs.engine import Engine
from jobs.ledger import reader
from jobs.log import get_logger

LONGEST_REASON = 200
LONGEST_NAME = 128
BEHIND_S = 600
FIRST_YEAR, LAST_YEAR = 2000, 2999

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a question. `kind` is that of an input, or `select` with its options, or `area`."""

    name: str
    label: str
    kind: str = "text"
    hint: str = ""
    value: str = ""
    is_required: bool = False
    options: Sequence[tuple[str, str]] = ()


REASON = Field("reason", "Reason", hint="Shown to all, and kept in the audit log.")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something is done: the sentences say what it will do, to how much."""

    title: str
    question: str
    url: str
    back: str
    word: str
    sentences: Sequence[str] = ()
    kind: str = "primary"
    fields: Sequence[Field] = ()
    hidden: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


class Wrong(Exception):
    """What was sent cannot be taken: by field, a sentence."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = dict(errors)


class Desk:
    """One engine and whoever looks at it."""

    def __init__(self, engine: Engine, who: Callable[[], str | None]) -> None:
        self.engine, self.who = engine, who

    @property
    def session(self) -> Session:
        """Where this request reads."""
        return self.engine.host.reading()

    @property
    def now(self) -> datetime:
        """The database's clock."""
        return reader.now(self.session)

    def may(self, action: str) -> bool:
        """Whether the person of this request may `see`, `act` or `manage`."""
        return self.engine.host.allow(action)

    def must(self, action: str) -> None:
        """Answer 403 unless they may."""
        if not self.may(action):
            abort(403)

    def counted_to(self) -> datetime | None:
        """How far the history is counted, when that is behind."""
        mark = self.engine.rollups.mark()
        return mark.reached_at if mark and (self.now - mark.reached_at).total_seconds() > BEHIND_S else None

    # -- answering --------------------------------------------------------------------------------------------------

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A whole page."""
        return answers.page(template, status=status, tag="", **self._words(), **context)

    def region(self, template: str, part: str, *, told_by: object, draw: Callable[[], Mapping[str, Any]]) -> Response:
        """A page, or the part of it that asks again: 304 while what `told_by` holds stays the same.

        What `draw` gives is read only when something is drawn.
        """
        told = told_by, self.may("act"), self.may("manage")
        unchanged = answers.unchanged(told)
        return unchanged or answers.region(template, part, told_by=told, **self._words(), **draw())

    def shared(self, part: str, told: Told, *, draw: Callable[[], Mapping[str, Any]]) -> Response:
        """The part of a page that asks again, drawn once for all who may do the same."""
        seen_by = self.may("act"), self.may("manage")
        return answers.shared(part, told, seen_by=seen_by, draw=lambda: {**self._words(), **draw()})

    def part(self, template: str, **context: Any) -> Response:
        """A part alone."""
        return answers.part(template, **self._words(), **context)

    def _words(self) -> dict[str, Any]:
        return {**WORDS, "may_manage": self.may("manage"), "now": self.now}

    def done(self, sentence: str, endpoint: str, **values: Any) -> Response:
        """Say what was done, and show it."""
        flash(sentence, "success")
        return redirect(url_for(endpoint, **values), code=303)  # type: ignore[return-value]

    def refused(self, sentence: str, endpoint: str, **values: Any) -> Response:
        """Say why nothing was done, and show how it is now."""
        flash(f"{sentence} Nothing was changed; this is how it is now.", "problem")
        return redirect(url_for(endpoint, **values), code=303)  # type: ignore[return-value]

    def ask(self, question: Question, *, wrong: Mapping[str, str] | None = None) -> Response:
        """Ask before acting; with what was wrong about the last answer, 422 and what was typed."""
        if not wrong:
            return self.page("ask", question=question)
        typed = [replace(one, value=request.form.get(one.name, one.value)) for one in question.fields]
        return self.page("ask", status=422, question=replace(question, errors=wrong, fields=typed))

    def answer(self, question: Question, do: Callable[[], Response]) -> Response:
        """Ask, or do what was answered; what cannot be taken is asked again."""
        if request.method != "POST":
            return self.ask(question)
        try:
            return do()
        except Wrong as wrong:
            return self.ask(question, wrong=wrong.errors)


# -- what was sent ---------------------------------------------------------------------------------------------------


def line(name: str, *, longest: int = LONGEST_REASON, required: bool = False) -> str:
    """One line that was sent. Raises Wrong."""
    said = request.form.get(name, "").strip()
    if len(said) > longest:
        raise Wrong({name: f"At most {longest} characters; this has {len(said)}."})
    if not said.isprintable() or not _can_be_stored(said):
        raise Wrong({name: "It holds a character that cannot be printed."})
    if required and not said:
        raise Wrong({name: "This is needed."})
    return said


def whole(name: str, low: int, high: int) -> int | None:
    """A whole number that was sent, None when nothing was. Raises Wrong."""
    said = line(name, longest=20)
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and low <= int(said) <= high):
        raise Wrong({name: f"A whole number from {low} to {high} is needed."})
    return int(said)


def moment(name: str) -> datetime | None:
    """A moment that was sent, in UTC unless it says otherwise; None when nothing was. Raises Wrong."""
    return moment_of(name, line(name, longest=40))


def moment_of(name: str, said: str) -> datetime | None:
    """The moment that was said, in UTC unless it says otherwise; None when nothing was. Raises Wrong."""
    if not said:
        return None
    with suppress(ValueError):
        found = datetime.fromisoformat(said)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if FIRST_YEAR <= found.year <= LAST_YEAR:
            return found
    raise Wrong({name: f"A date and a time between the years {FIRST_YEAR} and {LAST_YEAR} is needed."})


def chosen(name: str, options: Sequence[str]) -> str:
    """One of these. Raises Wrong."""
    said = request.form.get(name, "")
    if said not in options:
        raise Wrong({name: f"Choose one of {', '.join(options)}."})
    return said


def asked(name: str, *, longest: int = LONGEST_NAME) -> str:
    """A word of the address; what no database takes is not found."""
    said = request.args.get(name, "")
    if len(said) > longest or not said.isprintable() or not _can_be_stored(said):
        abort(404)
    return said


def page_number(name: str, *, most: int = 2**62) -> int | None:
    """The place in an address where a page begins; None where there is none."""
    said = request.args.get(name, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 20 and int(said) <= most else None


def by_field(error: ValueError) -> Wrong:
    """What the engine refuses, by the field that its text begins with."""
    name, _, sentence = str(error).partition(": ")
    return Wrong({name: f"{sentence[:1].upper()}{sentence[1:]}."} if sentence else {"": f"{name}."})


def _can_be_stored(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
