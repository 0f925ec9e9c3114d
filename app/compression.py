"""Answers made small: gzip for what is text and worth it."""

import secrets
import zlib

from flask import Flask, Response, request

SMALLEST_BYTES = 1_024
"""Below it the headers outweigh what is won, and a poll's fragment stays free of the work."""

QUICK, THOROUGH = 1, 9
"""Of a page level 1 leaves a tenth more than level 5, in a quarter of the time; a static file is packed only once."""
LONGEST_NAME = 96
_HAS_NAME = b"\x08"


def install(app: Flask) -> None:
    """Compress pages and large fragments; the API's answers stay as they are. Static files see to themselves."""
    app.after_request(_compress)


def gzipped(body: bytes, *, level: int = QUICK, name: str = "") -> bytes:
    """`body` as a gzip file, called `name` in its header; decompressors pass over the name."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    packed = packer.compress(body) + packer.flush()
    if not name:
        return packed
    return packed[:3] + _HAS_NAME + packed[4:10] + name.encode("ascii") + b"\0" + packed[10:]


def takes_gzip() -> bool:
    """Whether who asks can read gzip."""
    return request.accept_encodings.quality("gzip") > 0


def _compress(response: Response) -> Response:
    if response.status_code == 304 or response.mimetype != "text/html" or "Content-Encoding" in response.headers:
        return response
    if response.is_streamed or (response.content_length or 0) < SMALLEST_BYTES:
        return response
    response.vary.add("Accept-Encoding")
    if takes_gzip():
        response.set_data(gzipped(response.get_data(), name=_any_length()))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _any_length() -> str:
    """A name of random length: how well a page compresses must not tell what secret stands in it (BREACH)."""
    return "x" * (1 + secrets.randbelow(LONGEST_NAME))
