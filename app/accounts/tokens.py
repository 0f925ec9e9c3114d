"""What API tokens look like: recognisable to people and scanners, with a check against typing mistakes."""

import re
import zlib

PREFIX = "act_"
SHOWN = 10
_SHAPE = re.compile(r"act_([A-Za-z0-9_-]{43})([0-9a-f]{8})")


def token_of(secret: str) -> str:
    """The token that carries a secret of 43 URL-safe characters."""
    return f"{PREFIX}{secret}{_check(secret)}"


def is_well_formed(token: str) -> bool:
    """Whether it can be a token of ours; tells without asking the database."""
    found = _SHAPE.fullmatch(token)
    return found is not None and found[2] == _check(found[1])


def _check(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):08x}"
