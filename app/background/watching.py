"""A job as the person sees who asked for it: a word for its state, how far it is, when to look again."""

from datetime import datetime

FRESH_S, SLOW_AFTER_S, TIRED_AFTER_S = 60, 600, 3_600
STATES = {
    "blocked": ("scheduled", "Waiting"),
    "scheduled": ("scheduled", "Waiting"),
    "ready": ("queued", "Waiting"),
    "running": ("running", "Running"),
    "succeeded": ("done", "Done"),
    "cancelled": ("cancelled", "Cancelled"),
    "dead": ("failed", "Failed"),
    "parked": ("failed", "Failed"),
}


def standing(state: str, *, failures: int, is_ending: bool) -> tuple[str, str]:
    """The key of the state's pill and the word beside it."""
    if is_ending and state == "running":
        return "running", "Being cancelled"
    if failures and state in {"scheduled", "ready"}:
        return "retrying", "Trying again"
    return STATES[state]


def pace_s(created_at: datetime, *, now: datetime, usual_s: float) -> float:
    """Seconds between two looks at a job that is not over: longer and longer, the longer it takes."""
    waited_s = (now - created_at).total_seconds()
    return usual_s if waited_s < FRESH_S else max(10.0, usual_s) if waited_s < SLOW_AFTER_S else 60.0


def is_slow(created_at: datetime, *, now: datetime) -> bool:
    """Whether it takes longer than people are used to."""
    return (now - created_at).total_seconds() >= SLOW_AFTER_S


def left_in_words(seconds: float | None) -> str:
    """ "about 2 minutes left"; nothing when nobody knows."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"about {max(1, round(seconds))} {'second' if round(seconds) <= 1 else 'seconds'} left"
    minutes = round(seconds / 60)
    return f"about {minutes} minutes left" if minutes < 120 else f"about {round(minutes / 60)} hours left"


def title_of(kind: str, doc: str) -> str:
    """What a job is called: the first sentence of what its function says, or its name in words."""
    first = doc.strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    return first or kind.rpartition(".")[2].replace("_", " ").capitalize()
