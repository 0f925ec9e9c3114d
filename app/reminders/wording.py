"""What is written to somebody who has not logged."""

SUBJECT = "Time to workout!"


def mail_text(*, name: str, days_since: int | None, days: int, log: str, settings: str, unsubscribe: str) -> str:
    """The mail, in plain text. `days_since` is how long ago the last workout was; None when there was none yet."""
    return (
        f"Hello {name},\n\n"
        f"{_since(days_since)} Momentum comes with the next step, however short it is: ten minutes count.\n\n"
        f"Log it:\n{log}\n\n"
        f"You wanted to be reminded when nothing is logged for {count(days)}.\n"
        f"Change that:\n{settings}\n"
        f"No reminders any more, without signing in:\n{unsubscribe}\n"
    )


def count(days: int) -> str:
    """So many days: "1 day", "3 days"."""
    return "1 day" if days == 1 else f"{days} days"


def _since(days: int | None) -> str:
    if days is None:
        return "Your first workout is still to come."
    return f"Your last workout was {count(days)} ago."
