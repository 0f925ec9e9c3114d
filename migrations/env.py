"""How Alembic reaches the database and what it compares it with: the product's tables and the engine's, one history."""

from alembic import context
from flask import current_app

from app.db import Base, db
from jobs import metadata

TARGETS = [Base.metadata, metadata]


def run() -> None:
    """Migrate inside one transaction; SQLite alters tables by copying them."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=TARGETS,
            render_as_batch=True,
            compare_type=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()


assert current_app, "migrations run inside the application: flask --app wsgi db upgrade"
run()
