"""Who did something, as the host knows them: `Ada, user 1` where the ledger says `user 1`.

While a page is drawn, each place gets a mark; the host is asked once, for all of them, and then the marks are replaced.
"""

import re
import secrets
from collections.abc import Callable, Collection, Mapping

from flask import current_app, g
from markupsafe import Markup, escape

Names = Callable[[Collection[str]], Mapping[str, str]]
"""The host's setting JOBS_CONSOLE_PEOPLE: of what the ledger calls people, the names of those it knows."""


class Marks:
    """What stands on the page that is being drawn. A mark cannot be guessed, so that nobody can bring one along."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(8)
        self._texts: list[str] = []

    def take(self, text: str) -> Markup:
        """The mark that stands for it."""
        self._texts.append(text)
        return Markup(f"[{self._secret}:{len(self._texts) - 1}]")  # noqa: S704 -- nothing of anybody's

    def replaced(self, body: str) -> str:
        """The page with everybody's name."""
        ask: Names | None = current_app.config.get("JOBS_CONSOLE_PEOPLE")
        names = ask(set(self._texts)) if ask else {}
        shown = [escape(f"{names[text]}, {text}" if text in names else text) for text in self._texts]
        return re.sub(rf"\[{self._secret}:([0-9]+)\]", lambda mark: shown[int(mark[1])], body)


def person(text: str | None, otherwise: str = "") -> str:
    """For templates: whoever the ledger calls that, or other words for nobody."""
    if not text:
        return otherwise
    if "console_people" not in g:
        g.console_people = Marks()
    marks: Marks = g.console_people
    return marks.take(text)


def named(body: str) -> str:
    """What was drawn, with the names of all who are on it."""
    marks: Marks | None = g.pop("console_people", None)
    return body if marks is None else marks.replaced(body)
