"""Indexes by key and by subject hold no jobs without one: most have none, and each entry is paid for at the insert.

Nothing that is asked changes its answer, so that processes of the version before go on beside it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

WAITING = "state IN ('ready', 'scheduled', 'blocked')"
LIVE = "state IN ('ready', 'scheduled', 'blocked', 'running')"


def upgrade() -> None:
    _again("uq_job_unique_key", ["unique_key"], f"unique_key IS NOT NULL AND {WAITING}", unique=True)
    _again("uq_job_live_key", ["live_key"], f"live_key IS NOT NULL AND {LIVE}", unique=True)
    _again("ix_job_subject", ["subject_kind", "subject_id", "id"], "subject_kind IS NOT NULL")


def downgrade() -> None:
    _again("uq_job_unique_key", ["unique_key"], WAITING, unique=True)
    _again("uq_job_live_key", ["live_key"], LIVE, unique=True)
    _again("ix_job_subject", ["subject_kind", "subject_id", "id"], None)


def _again(name: str, columns: list[str], where: str | None, *, unique: bool = False) -> None:
    part = sa.text(where) if where else None
    op.drop_index(name, "job")
    op.create_index(name, "job", columns, unique=unique, sqlite_where=part, postgresql_where=part)
