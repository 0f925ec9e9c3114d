"""Static files: keyed by their content, so that a browser keeps them for a year and never shows an old one."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, request

from app.compression import THOROUGH, gzipped, takes_gzip

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain",
    ".md": "text/plain",
    "": "text/plain",
}
"""Said here and not asked of the machine, whose table may lack a font or call a script something else."""

WORTH_PACKING = {".css", ".js", ".svg", ".txt", ".md", ".webmanifest", ""}
NAMED_FOR_GOOD = "fonts/"
"""The stylesheet names fonts by their plain path: one that changes gets a new name instead of a new key."""

FOR_A_YEAR = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"


def install(app: Flask) -> None:
    """Let `url_for("static", …)` add `?v=<key>`, and serve the files with it. In debug mode Flask's own way stays."""
    if app.debug or app.static_folder is None:
        return
    folder = Path(app.static_folder)

    def add_key(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (key := keys_of(folder).get(values["filename"])):
            values.setdefault("v", None if values["filename"].startswith(NAMED_FOR_GOOD) else key)

    def serve(filename: str) -> Response:
        return _file(folder, filename)

    app.url_defaults(add_key)
    app.view_functions["static"] = serve


@cache
def keys_of(folder: Path) -> Mapping[str, str]:
    """The key of each file by its path in the folder. Read once: whoever changes a file starts the server again."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files}


def _file(folder: Path, name: str) -> Response:
    key = keys_of(folder).get(name)
    if key is None:
        abort(404)
    kind = Path(name).suffix
    is_packed = kind in WORTH_PACKING and takes_gzip()
    response = Response(_packed(folder / name) if is_packed else (folder / name).read_bytes())
    response.mimetype = TYPES.get(kind, "application/octet-stream")
    response.set_etag(f"{key}-gzip" if is_packed else key)
    if is_packed:
        response.headers["Content-Encoding"] = "gzip"
    if kind in WORTH_PACKING:
        response.headers["Vary"] = "Accept-Encoding"
    # A page of another version may ask with its key for what is ours: such an answer must not live for a year.
    keeps = request.args.get("v") == key or name.startswith(NAMED_FOR_GOOD)
    response.headers["Cache-Control"] = FOR_A_YEAR if keeps else ASK_AGAIN
    response.make_conditional(request)
    return response


@cache
def _packed(file: Path) -> bytes:
    return gzipped(file.read_bytes(), level=THOROUGH)
