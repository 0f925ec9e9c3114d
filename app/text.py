"""Text that people type: what of it can be kept, and in which form."""

import re
import unicodedata

LONGEST = 20_000
"""Characters; more is refused unseen, because composing a long run of combining marks takes time."""

_NEVER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TURNS_AROUND = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def plain_text(text: str) -> str:
    """Notes: trimmed, composed, each line break one character.

    Raises ValueError with a sentence: it holds control characters or half a surrogate pair, or is much too long.
    """
    if len(text) > LONGEST:
        raise ValueError(f"It is much too long, with {len(text)} characters.")
    found = text.replace("\r\n", "\n").replace("\r", "\n")
    if _NEVER.search(found):
        raise ValueError("It holds characters that cannot be kept.")
    return unicodedata.normalize("NFC", found).strip()


def one_line(text: str, *, longest: int) -> str:
    """A name: as plain_text, without line breaks and signs that turn the direction of what follows.

    Raises ValueError with a sentence. `longest` counts characters.
    """
    found = plain_text(text)
    if "\n" in found or "\t" in found or _TURNS_AROUND.search(found):
        raise ValueError("It holds characters that cannot be shown in one line.")
    if len(found) > longest:
        raise ValueError(f"It may have {longest} characters; this has {len(found)}.")
    return found
