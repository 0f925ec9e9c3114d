"""Keeping a copy of everything, and putting it back: `flask backup`, `flask restore`."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from app import schema
from app.archive import DATABASE, FOLDERS, SECRETS, Manifest, begun, kept_files, unpacked
from app.clock import now
from app.config import ROOT, Config
from app.db import db, disconnect, reading
from app.dumps import DumpError, dump, is_empty, kind_of, load, rows_after_loading
from app.machine_checks import web_answers
from app.web import settings
from jobs import engine_of
from jobs.metrics import alive

FILE = click.Path(dir_okay=False, path_type=Path)


def _in_a_sentence(run: Callable[..., None]) -> Callable[..., None]:
    @with_appcontext
    @wraps(run)
    def command(**options: object) -> None:
        try:
            run(**options)
        except (DumpError, schema.SchemaError) as error:
            sentence = str(error)
            raise click.ClickException(f"{sentence[:1].upper()}{sentence[1:]}.") from None

    return command


@click.command("backup")
@click.argument("file", type=FILE)
@click.option("--without-secrets", is_flag=True, help="Leave out the key that signs cookies and links.")
@click.option("--verify", "is_verified", is_flag=True, help="Restore it into a scratch database and count its rows.")
@_in_a_sentence
def backup(*, file: Path, without_secrets: bool, is_verified: bool) -> None:
    """Write everything into FILE, while it runs: database, reports, uploads, key; with a manifest and hashes."""
    if file.exists():
        raise DumpError(f"{file} is there already, and no backup is written over another")
    manifest = _write(settings(), file.absolute(), with_secrets=not without_secrets)
    size = file.stat().st_size
    click.echo(f"{file}: {size / 1e6:,.1f} MB, {sum(manifest.rows.values()):,} rows, {len(manifest.files)} files.")
    if is_verified:
        click.echo(_verified(file))


@click.command("restore")
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Also over a database that holds something.")
@click.option("--check", "is_check", is_flag=True, help="Only restore into a scratch database, and count its rows.")
@_in_a_sentence
def restore(*, file: Path, force: bool, is_check: bool) -> None:
    """Put everything back as FILE holds it. Stop all processes before; start them after, and run bin/migrate."""
    if is_check:
        click.echo(_verified(file))
        return
    config = settings()
    with unpacked(file, where=settings().data_dir) as (manifest, folder):
        _fits(config, manifest)
        if not force and not is_empty(config.database_url):
            raise DumpError("the database holds something; with --force it is replaced")
        _nobody_works(config)
        db.session.remove()
        disconnect()
        aside = load(config.database_url, folder / DATABASE)
        _put_back(folder / "data", config.data_dir)
    click.echo(
        f"Restored what was saved at {manifest.made_at:%Y-%m-%d %H:%M} UTC, {sum(manifest.rows.values()):,} rows."
    )
    if aside:
        click.echo(f"What was there before is in {aside}; remove it when all is well.")
    if manifest.revision not in schema.heads(_known_revisions()):
        click.echo("It is of an older version: run bin/migrate before you start.")


def _write(config: Config, file: Path, *, with_secrets: bool) -> Manifest:
    revisions = schema.versions(config.database_url)
    if not revisions:
        raise DumpError("there is no database of ours yet; bin/migrate makes it")
    # The dump lies beside the backup and not in /tmp, which may be too small for it.
    with _room_beside(file) as folder, begun(file) as draft:
        rows = dump(config.database_url, folder / DATABASE)
        draft.add(DATABASE, folder / DATABASE)
        for name, path in kept_files(config.data_dir, with_secrets=with_secrets):
            draft.add(name, path)
        manifest = Manifest(
            version=engine_of().version,
            revision=",".join(sorted(revisions)),
            database=kind_of(config.database_url),
            made_at=now(),
            rows=rows,
            files=draft.files,
        )
        draft.finish(manifest)
    return manifest


@contextmanager
def _room_beside(file: Path) -> Iterator[Path]:
    """A folder for the owner alone, gone afterwards."""
    try:
        made = TemporaryDirectory(prefix=".metronome-", dir=file.parent)
    except OSError as error:
        raise DumpError(f"{file.parent} cannot be written to: {error.strerror}") from None
    with made as name:
        yield Path(name)


def _verified(file: Path) -> str:
    with unpacked(file, where=settings().data_dir) as (manifest, folder):
        if manifest.database != kind_of(settings().database_url):
            raise DumpError(_other_kind(manifest))
        found = rows_after_loading(settings().database_url, folder / DATABASE, folder=folder)
        wrong = sorted(name for name in manifest.rows.keys() | found if manifest.rows.get(name) != found.get(name))
        if wrong:
            raise DumpError(f"what was restored is not what was saved, in {', '.join(wrong)}")
    return (
        f"Checked: restored into a scratch database, all {sum(found.values()):,} rows of {len(found)} tables are there."
    )


def _fits(config: Config, manifest: Manifest) -> None:
    if manifest.database != kind_of(config.database_url):
        raise DumpError(_other_kind(manifest))
    unknown = set(manifest.revision.split(",")) - _known_revisions().keys()
    if unknown:
        raise DumpError(f"the backup is of a newer version, {manifest.version}; restore it with that one")


def _other_kind(manifest: Manifest) -> str:
    return f"the backup holds a {manifest.database} database, and DATABASE_URL is another kind"


def _known_revisions() -> dict[str, str | None]:
    return schema.revisions(ROOT / "migrations" / "versions")


def _nobody_works(config: Config) -> None:
    """A process that goes on would write old thoughts into the new database."""
    if web_answers(config):
        raise DumpError(f"the web still answers on {config.port}; stop all processes first")
    try:
        names = [one.name for one in alive(reading(), within_s=engine_of().lease_s)]
    except SQLAlchemyError:  # no tables yet, or none that can be read: nobody can work on them
        return
    if names:
        raise DumpError(f"processes still work, or did until seconds ago: {', '.join(names)}; stop them first")


def _put_back(saved: Path, data_dir: Path) -> None:
    """Exchange the folders, so that nothing stays that the restored rows know nothing of."""
    for name in SECRETS:
        if (saved / name).exists():
            draft = data_dir / f".{name}.restoring"
            draft.touch(mode=0o600)
            shutil.copyfile(saved / name, draft)
            draft.replace(data_dir / name)
    for name in FOLDERS:
        shutil.rmtree(data_dir / name, ignore_errors=True)
        if (saved / name).exists():
            shutil.copytree(saved / name, data_dir / name)
            for folder, _, files in os.walk(data_dir / name):
                Path(folder).chmod(0o700)
                for file in files:
                    (Path(folder) / file).chmod(0o600)
