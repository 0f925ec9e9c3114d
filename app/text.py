"""Text that people type: what of it can be kept, and in which form."""

import re
import unicodedata

_NEVER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TURNS_AROUND = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def one_line(text: str, *, longest: int) -> str:
    """A name: trimmed, composed, without line breaks and without signs that turn the direction of what follows.

    Raises ValueError with a sentence. `longest` counts characters; bytes may be four times as many.
    """
    found = _kept(text, longest=longest, largest=4 * longest)
    if "\n" in found or "\t" in found or _TURNS_AROUND.search(found):
        raise ValueError("It holds characters that cannot be shown in one line.")
    return found


def many_lines(text: str, *, longest: int, largest: int) -> str:
    """Notes: trimmed, composed, line breaks as one character each. `longest` counts characters, `largest` bytes.

    Raises ValueError with a sentence.
    """
    return _kept(text.replace("\r\n", "\n").replace("\r", "\n"), longest=longest, largest=largest)


def _kept(text: str, *, longest: int, largest: int) -> str:
    if len(text) > 2 * largest:  # nothing that long is worth composing, which costs time
        raise ValueError(f"It may have {longest} characters; this has {len(text)}.")
    if _NEVER.search(text):
        raise ValueError("It holds characters that cannot be kept.")
    found = unicodedata.normalize("NFC", text).strip()
    if len(found) > longest:
        raise ValueError(f"It may have {longest} characters; this has {len(found)}.")
    if len(found.encode()) > largest:
        raise ValueError(f"It may have {largest} bytes; this has {len(found.encode())}.")
    return found
