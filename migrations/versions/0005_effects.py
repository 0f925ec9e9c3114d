"""What jobs do outside of the database, each under its key. A new table only."""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime, db_now

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_effect",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("job_uid", sa.String(length=32), nullable=False),
        sa.Column("is_done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("intended_at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_job_effect")),
    )
    op.create_index(op.f("ix_job_effect_intended_at"), "job_effect", ["intended_at"], unique=False)
    op.create_index(op.f("ix_job_effect_job_uid"), "job_effect", ["job_uid"], unique=False)


def downgrade() -> None:
    op.drop_table("job_effect")
