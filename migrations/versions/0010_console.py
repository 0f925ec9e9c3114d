"""What the console shows of processes and of history. Expand only: old code survives it.

Processes tell more of themselves, and hear what operators wish of them; what jobs did is kept by the minute and hour.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_workers() -> list[sa.Column]:
    return [
        sa.Column("threads", sa.Integer(), server_default="0", nullable=False),
        sa.Column("busy", sa.Integer(), server_default="0", nullable=False),
        sa.Column("memory_mib", sa.Double(), nullable=True),
        sa.Column("skew_s", sa.Double(), nullable=True),
        sa.Column("wish", sa.String(length=8), server_default="", nullable=False),
        sa.Column("wished_by", sa.String(length=160), nullable=True),
        sa.Column("sweeps", sa.JSON(), nullable=True),
    ]


def upgrade() -> None:
    for column in _of_workers():
        op.add_column("job_worker", column)
    counts = ("came", "succeeded", "failed", "cancelled", "failed_tries")
    op.create_table(
        "job_rollup",
        sa.Column("span", sa.String(length=6), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in counts),
        *(sa.Column(name, sa.Double(), server_default="0", nullable=False) for name in ("wait_s", "run_s")),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("waits", "runs")),
        sa.CheckConstraint("span IN ('minute', 'hour')", name=op.f("ck_job_rollup_span")),
        sa.PrimaryKeyConstraint("span", "at", "queue", "kind", name=op.f("pk_job_rollup")),
    )
    op.create_table(
        "job_rollup_mark",
        sa.Column("one", ID, autoincrement=False, nullable=False),
        sa.Column("version", ID, nullable=False),
        sa.Column("reached_at", UtcDateTime(), nullable=False),
        sa.Column("came_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_job_rollup_mark")),
    )


def downgrade() -> None:
    op.drop_table("job_rollup_mark")
    op.drop_table("job_rollup")
    for column in reversed(_of_workers()):
        op.drop_column("job_worker", column.name)
