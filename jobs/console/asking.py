"""What somebody asks the list of jobs: the words of the filter bar, as they stand in the address."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from jobs.ledger.listing import Place
from jobs.ledger.selection import Selection

from .pages import LEDGER_WORDS, ONE_STATE, VIEWS, View, is_word

QUALIFIERS = ("state", "queue", "kind", "user", "id", "worker", "error", "since")
ALSO_CALLED = {"name": "kind", "job": "kind", "uid": "id", "by": "user", "requested_by": "user"}
VALID = "state:, queue:, kind:, user:, id:, worker:, error:, args.key:, since:"
LONGEST_QUESTION = 1_000
MOST_ARGS = 5
SHORTEST_ID = 8
_WORD = re.compile(r'([\w.-]+):(?:"([^"]*)"|(\S*))|(\S+)')
_AGO = re.compile(r"([0-9]{1,6})(m|h|d|w)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_ARGUMENT = re.compile(r"args((?:\.[\w-]{1,80}){1,4})")
_ID = re.compile(r"[0-9a-f]{8,32}")
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True, slots=True)
class Question:
    """Which jobs: of a view, with all of these words; from below a place, or from a place on."""

    view: View = VIEWS[0]
    words: tuple[tuple[str, str], ...] = ()
    below: Place | None = None
    upto: Place | None = None

    @classmethod
    def read(cls, args: Mapping[str, str], *, kinds: Sequence[str] = ()) -> tuple[Self, list[str]]:
        """The question, and a sentence for each word that is not understood.

        A word alone may be a job's id or one of the `kinds`.
        """
        found: dict[str, str] = {}
        wrong: list[str] = []
        for name, value in _told(args, kinds):
            if sentence := _problem_of(name, value, found):
                wrong.append(sentence)
            else:
                found[name] = value
        view = _view(found.pop("state", ""))
        place, upto = (_place(args.get(name, "")) for name in ("below", "upto"))
        return cls(view or VIEWS[0], tuple(found.items()), place, upto), wrong

    def get(self, name: str) -> str:
        """The word after a qualifier, or nothing."""
        return dict(self.words).get(name, "")

    @property
    def text(self) -> str:
        """The words as they are typed, without the state."""
        return " ".join(f'{name}:"{value}"' if " " in value else f"{name}:{value}" for name, value in self.words)

    @property
    def is_filtered(self) -> bool:
        """Whether more than a state was asked for."""
        return bool(self.words)

    def args(self, **changes: Any) -> dict[str, str]:
        """The address's arguments for this question with changes; its first page unless they name a place."""
        new = replace(self, **{"below": None, "upto": None, **changes})
        values = {"state": new.view.key, "q": new.text, "below": str(new.below or ""), "upto": str(new.upto or "")}
        return {name: value for name, value in values.items() if value}

    def selection(self, *, now: datetime, requester: Callable[[str], str], view: View | None = None) -> Selection:
        """The jobs that are meant, as the ledger is asked for them."""
        error, uid, chosen = self.get("error"), self.get("id"), view or self.view
        is_print = bool(_FINGERPRINT.fullmatch(error))
        return Selection(
            states=chosen.states,
            is_retry=chosen.is_retry,
            kinds=(self.get("kind"),) if self.get("kind") else (),
            queue=self.get("queue") or None,
            requested_by=requester(self.get("user")) if self.get("user") else None,
            uids=(uid,) if len(uid) == 32 else (),
            uid_start=uid or None,
            worker=self.get("worker") or None,
            fingerprint=error if is_print else None,
            error=error if error and not is_print else None,
            args=tuple((name.removeprefix("args."), value) for name, value in self.words if name.startswith("args.")),
            since=_moment(self.get("since"), now) if self.get("since") else None,
        )


def _told(args: Mapping[str, str], kinds: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every qualifier with its value: those of the address, then those of the bar."""
    for name in (*QUALIFIERS, *ALSO_CALLED):
        if args.get(name, "").strip():
            yield _cleaned(name, args[name])
    text = args.get("q", "")[:LONGEST_QUESTION]
    for match in _WORD.finditer(text):
        name, quoted, plain, alone = match.groups()
        if alone is None:
            yield _cleaned(name, quoted if quoted is not None else plain)
        elif alone in kinds:
            yield "kind", alone
        elif _ID.fullmatch(alone.lower()):
            yield "id", alone.lower()
        else:
            yield "", alone


def _cleaned(name: str, value: str) -> tuple[str, str]:
    if not name.startswith("args."):
        name = ALSO_CALLED.get(name.lower(), name.lower())
    value = value.strip()
    return name, value.lower() if name in {"id", "state"} else value


def _problem_of(name: str, value: str, found: Mapping[str, str]) -> str | None:  # noqa: PLR0911 -- one for each mistake
    shown = value[:40]
    if name not in QUALIFIERS and not _ARGUMENT.fullmatch(name):
        return f"“{(name or shown)[:40]}” is not understood. Write {VALID}"
    if not is_word(value):
        return f"“{name}” cannot be read."
    if not value:
        return f"“{name}:” needs a word after it."
    if found.get(name, value) != value:
        return f"“{name}:” is there twice."
    if name == "state" and _view(value) is None:
        known = ", ".join(one.key for one in VIEWS if one.key)
        return f"“{shown}” is not a state. It can be {known}."
    if name == "id" and not _ID.fullmatch(value):
        return f"“{shown}” is not an id: {SHORTEST_ID} to 32 of the digits 0–9 and a–f."
    if name == "since" and _moment(value, datetime.now(UTC)) is None:
        return f"“{shown}” is not a time. Write 30m, 24h, 7d or a day such as 2026-11-20."
    if name.startswith("args.") and sum(one.startswith("args.") for one in found) >= MOST_ARGS:
        return f"At most {MOST_ARGS} arguments can be asked for."
    return None


def _view(key: str) -> View | None:
    key = LEDGER_WORDS.get(key, key)
    return next((one for one in VIEWS if one.key == key), ONE_STATE.get(key))


def _moment(text: str, now: datetime) -> datetime | None:
    if ago := _AGO.fullmatch(text.lower()):
        try:
            return now - int(ago[1]) * _UNITS[ago[2]]
        except OverflowError:
            return None
    for one in FORMATS:
        try:
            return datetime.strptime(text.rstrip("Z"), one).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _place(text: str) -> Place | None:
    try:
        return Place.read(text)
    except ValueError:
        return None
