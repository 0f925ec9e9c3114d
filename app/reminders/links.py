"""Links that end reminders without signing in: nobody but us can make one, and it is good for one address alone."""

import hashlib
import hmac
import re

_SHAPE = re.compile(r"([1-9][0-9]{0,9})-([0-9a-f]{64})", re.ASCII)
LARGEST_ID = 2**31 - 1


def token_of(user_id: int, email: str, *, key: str) -> str:
    """What stands in the link of the person who has this address."""
    # The label keeps it apart from whatever else is signed with the key.
    told = f"metronome: end reminders\n{user_id}\n{email}"
    return f"{user_id}-{hmac.new(key.encode(), told.encode(), hashlib.sha256).hexdigest()}"


def claimed_by(token: str) -> int | None:
    """The number of the person whose it says it is; None for what cannot be one of ours."""
    found = _SHAPE.fullmatch(token)
    return int(found[1]) if found and int(found[1]) <= LARGEST_ID else None


def is_genuine(token: str, user_id: int, email: str, *, key: str) -> bool:
    """Whether we made it, for this person and this address."""
    return hmac.compare_digest(token.encode("utf-8", "replace"), token_of(user_id, email, key=key).encode())
