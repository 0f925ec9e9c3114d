"""A backup as one file: the database, what lies in DATA_DIR, and a manifest that says what it holds."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any, Self, cast

from app.dumps import DumpError, Rows

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database"
SECRETS = ("secret_key",)
FOLDERS = ("reports", "uploads", "outbox", "error_reports")
"""What of DATA_DIR cannot be made again from the database."""
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: of which version and migration, when, and of each file how long it is and its SHA-256."""

    version: str
    revision: str
    database: str
    made_at: datetime
    rows: Rows
    files: dict[str, tuple[int, str]]

    def written(self) -> bytes:
        """As JSON."""
        known = {
            "format": FORMAT,
            "version": self.version,
            "revision": self.revision,
            "database": self.database,
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "rows": dict(self.rows),
            "files": {name: {"bytes": size, "sha256": digest} for name, (size, digest) in self.files.items()},
        }
        return json.dumps(known, indent=1).encode()

    @classmethod
    def read(cls, content: bytes) -> Self:
        """What was written. Raises DumpError."""
        try:
            known: dict[str, Any] = json.loads(content)
            if known["format"] != FORMAT:
                raise DumpError(f"it is a backup of a format this version does not know: {known['format']}")
            return cls(
                version=known["version"],
                revision=known["revision"],
                database=known["database"],
                made_at=datetime.fromisoformat(known["made_at"]),
                rows={str(name): int(count) for name, count in known["rows"].items()},
                files={name: (int(one["bytes"]), str(one["sha256"])) for name, one in known["files"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise DumpError("it is no backup of ours: its manifest cannot be read") from None


def kept_files(data_dir: Path, *, with_secrets: bool) -> Iterator[tuple[str, Path]]:
    """What of DATA_DIR goes into a backup, by the name it gets there."""
    for name in SECRETS if with_secrets else ():
        if (data_dir / name).is_file():
            yield f"data/{name}", data_dir / name
    for folder in FOLDERS:
        for path in sorted((data_dir / folder).rglob("*")):
            if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
                yield f"data/{path.relative_to(data_dir).as_posix()}", path


@contextmanager
def begun(target: Path) -> Iterator["Draft"]:
    """A backup that appears at its place whole, or not at all; for the owner alone."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Draft(tar)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        raise DumpError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        draft.unlink(missing_ok=True)


class Draft:
    """A backup being written."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, tuple[int, str]] = {}

    def add(self, name: str, path: Path) -> None:
        """Put a file in; one that is gone by now is left out, as it would be a moment later."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            info = tarfile.TarInfo(name)
            info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
            hashed = _Hashing(file)
            self._tar.addfile(info, cast("IO[bytes]", hashed))  # all that is asked of it is read()
            self.files[name] = (info.size, hashed.digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Put the manifest in, as the last file."""
        content = manifest.written()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))


class _Hashing:
    def __init__(self, file: Any) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self._file.read(size)
        self.digest.update(piece)
        return piece


@contextmanager
def unpacked(archive: Path, *, where: Path) -> Iterator[tuple[Manifest, Path]]:
    """The manifest of a backup, and a folder with its files, each as long and with the hash that the manifest says.

    The folder is made in `where`, which must have room for all of it: /tmp is often a piece of the memory.

    Raises:
        DumpError: it is no backup, something is missing, or something in it has changed
    """
    with TemporaryDirectory(prefix=".metronome-", dir=where) as name:
        folder = Path(name)
        try:
            with tarfile.open(archive, mode="r:") as tar:
                found = {info.name: _extract(tar, info, folder) for info in tar if _is_ours(info)}
        except FileNotFoundError:
            raise DumpError(f"there is no file {archive}") from None
        except (tarfile.TarError, OSError, EOFError) as error:
            raise DumpError(f"{archive} cannot be read: {error}") from None
        if MANIFEST not in found:
            raise DumpError(f"{archive} is no backup, or was cut off: it has no manifest")
        manifest = Manifest.read((folder / MANIFEST).read_bytes())
        changed = sorted(name for name, told in manifest.files.items() if found.get(name) != told)
        if changed or DATABASE not in found:
            raise DumpError(f"{archive} was changed or is damaged: {', '.join(changed) or DATABASE}")
        yield manifest, folder


def _is_ours(info: tarfile.TarInfo) -> bool:
    """Only plain files under the names we give: whoever made the archive may want to write elsewhere."""
    path = PurePosixPath(info.name)
    inside = path.parts[:1] == ("data",) and ".." not in path.parts and not path.is_absolute()
    return info.isreg() and (info.name in {MANIFEST, DATABASE} or inside)


def _extract(tar: tarfile.TarFile, info: tarfile.TarInfo, folder: Path) -> tuple[int, str]:
    source = tar.extractfile(info)
    assert source is not None
    target = folder / info.name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            size += file.write(piece)
    return size, digest.hexdigest()
