"""What can go wrong, and the words for it."""

from collections.abc import Mapping
from typing import ClassVar


class Problem(Exception):
    """Something a person can be told about; `str()` of it is fit to be shown."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"


class NotFound(Problem):
    """It is not there, or not theirs: both look the same from outside."""

    status = 404
    title = "Not found"


class SignInNeeded(Problem):
    """Nobody is signed in, or the token is not one of ours."""

    status = 401
    title = "Sign in to go on"


class NotAllowed(Problem):
    """They are known, and may not."""

    status = 403
    title = "Not allowed"


class CameFromElsewhere(NotAllowed):
    """Another site made the browser ask."""


class Conflict(Problem):
    """It cannot be done in the state things are in now."""

    status = 409
    title = "Conflict"


class Gone(Problem):
    """It was there, and was deleted since."""

    status = 410
    title = "Gone"


class TooMany(Problem):
    """They have to wait; `retry_after_s` says how long."""

    status = 429
    title = "Too many tries"

    def __init__(self, sentence: str, *, retry_after_s: int) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class Unavailable(Problem):
    """A part of the product is away; nothing was stored and trying again is right."""

    status = 503
    title = "Not available right now"

    def __init__(self, sentence: str, *, retry_after_s: int = 5) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class Invalid(Problem):
    """The input was understood and cannot be accepted; `errors` names each field with what would be right."""

    status = 422
    title = "Invalid input"

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(errors.values())))
        self.errors = dict(errors)
