"""Rules as people say them: one of four words, whoever asks."""

from datetime import datetime, timedelta
from typing import Any

from .rules import Rule, RuleKind


def rule_of(
    *,
    every: str | timedelta | None = None,
    cron: str | None = None,
    rrule: str | None = None,
    once: str | datetime | None = None,
    **options: Any,
) -> Rule:
    """The rule that exactly one of the four words names; `options` are `Rule`'s own.

    Raises:
        ValueError: none or several are given, or something is out of range; the text names the field.
    """
    given = {RuleKind.EVERY: every, RuleKind.CRON: cron, RuleKind.RRULE: rrule, RuleKind.ONCE: once}
    said = {kind: value for kind, value in given.items() if value is not None}
    if len(said) != 1:
        raise ValueError("rule: say exactly one of every, cron, rrule and once")
    ((kind, value),) = said.items()
    if isinstance(value, timedelta):
        if value % timedelta(seconds=1):
            raise ValueError("every: whole seconds are needed")
        return Rule.every(days=value.days, seconds=value.seconds, **options)
    if isinstance(value, datetime):
        return Rule.once(value, **options)
    return Rule(kind, value, **options)
