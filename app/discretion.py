"""What of a job somebody is told: its owner all but secrets, everybody else not what tells who people are."""

from typing import Any

from jobs import masked, masked_text, without_secrets


def told(value: Any, *, is_own: bool) -> Any:
    """Arguments or a result."""
    kept = without_secrets(value)
    return kept if is_own else masked(kept)


def told_text(text: str | None, *, is_own: bool) -> str | None:
    """A message, a note, a traceback."""
    return text if is_own or text is None else masked_text(text)
