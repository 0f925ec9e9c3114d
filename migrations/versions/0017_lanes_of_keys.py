"""How many jobs of one concurrency key may start in a while.

A table of its own: what runs the version before does not look at it, and goes on.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime

revision = "0017"
down_revision = "0014"
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


def downgrade() -> None:
    op.drop_table("job_allowance")
