"""Roles and paces of people; lines that jobs logged, errors nobody wants to see, the version that failed.

New columns have a default in the database and new tables are empty, so older code goes on beside it.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime, db_now

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RETRIES = "retry_of IS NOT NULL"


def upgrade() -> None:
    op.add_column("person", sa.Column("role", sa.String(length=12), server_default="", nullable=False))
    op.add_column("person", sa.Column("refresh_s", sa.Integer(), server_default="3", nullable=False))
    op.add_column("job", sa.Column("error_version", sa.String(length=40), nullable=True))
    op.create_index(
        "ix_job_retry_of",
        "job",
        ["retry_of"],
        unique=False,
        sqlite_where=sa.text(RETRIES),
        postgresql_where=sa.text(RETRIES),
    )
    op.create_table(
        "job_log",
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("dropped", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("job_id", "attempt", name=op.f("pk_job_log")),
    )
    op.create_table(
        "job_mute",
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("muted_at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.Column("muted_by", sa.String(length=160), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_job_mute")),
    )


def downgrade() -> None:
    op.drop_table("job_mute")
    op.drop_table("job_log")
    op.drop_index("ix_job_retry_of", table_name="job")
    op.drop_column("job", "error_version")
    op.drop_column("person", "refresh_s")
    op.drop_column("person", "role")
