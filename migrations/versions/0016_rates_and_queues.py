"""How many jobs of one concurrency key may start in a while; a schedule may name its queue.

A table of its own and a column that may be empty: what runs the version before looks at neither, and goes on.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_allowance",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("tokens", sa.Double(), nullable=False),
        sa.Column("filled_at", UtcDateTime(), nullable=False),
        sa.Column("full_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_job_allowance")),
    )
    op.create_index(op.f("ix_job_allowance_full_at"), "job_allowance", ["full_at"])
    op.add_column("schedule", sa.Column("queue", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("schedule", "queue")
    op.drop_table("job_allowance")
