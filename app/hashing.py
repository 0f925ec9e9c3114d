"""Secrets as they are stored: passwords by Argon2id, tokens by SHA-256."""

import hashlib
import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app

from app.errors import Unavailable

AT_ONCE = 4
PATIENCE_S = 2.0

# 46 MiB each, so four at once; whoever comes fifth waits rather than take the machine's memory.
_places = threading.BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """The password as it is stored. Raises Unavailable when too many are being hashed for two seconds."""
    with _Place():
        return _hasher().hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Whether `stored` is this password's hash. Takes as long when there is none: nobody learns who has an account.

    Raises Unavailable when too many are being checked for two seconds.
    """
    with _Place():
        try:
            return _hasher().verify(stored or _nobodys(cheap=current_app.testing), password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made at another cost than today's."""
    return _hasher().check_needs_rehash(stored)


def new_secret() -> str:
    """256 bits that nobody can guess, as text for cookies and links."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """A secret of 256 bits as it is stored; such a one needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class _Place:
    """One of the places at which a password may be hashed."""

    def __enter__(self) -> None:
        if not _places.acquire(timeout=PATIENCE_S):
            raise Unavailable("Many people are signing in right now. Please try again.")

    def __exit__(self, *_: object) -> None:
        _places.release()


def _hasher() -> PasswordHasher:
    return _hasher_for(cheap=current_app.testing)


@cache
def _hasher_for(*, cheap: bool) -> PasswordHasher:
    """`cheap` hangs on Flask's testing flag, which no setting of the product can raise."""
    return PasswordHasher(time_cost=1, memory_cost=8 if cheap else 47_104, parallelism=1)


@cache
def _nobodys(*, cheap: bool) -> str:
    return _hasher_for(cheap=cheap).hash(secrets.token_urlsafe(16))
