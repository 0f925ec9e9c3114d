"""Workflows: their rows, their edges and the counters on the way.

Everything is new: processes of the version before go on beside it, and know no workflows.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime, db_now

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = "state IN ('running', 'compensating', 'succeeded', 'failed', 'cancelled')"
OPEN = "state IN ('running', 'compensating')"


def upgrade() -> None:
    op.create_table(
        "workflow",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("on_failure", sa.String(length=12), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Integer(), server_default="0", nullable=False),
        sa.Column("spare", sa.JSON(), nullable=False),
        sa.Column("failed_step", sa.String(length=80), nullable=True),
        sa.Column("cancel_requested_at", UtcDateTime(), nullable=True),
        sa.Column("cancel_requested_by", sa.String(length=160), nullable=True),
        sa.Column("requested_by", sa.String(length=80), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(STATES, name=op.f("ck_workflow_state")),
        sa.CheckConstraint("on_failure IN ('stop', 'go_on', 'compensate')", name=op.f("ck_workflow_on_failure")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow")),
        sa.UniqueConstraint("uid", name=op.f("uq_workflow_uid")),
    )
    op.create_index("ix_workflow_open", "workflow", ["id"], sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN))
    op.create_index("ix_workflow_finished_at", "workflow", ["finished_at"])
    op.create_index("ix_workflow_requested_by", "workflow", ["requested_by", "id"])
    op.create_table(
        "workflow_join",
        sa.Column("workflow_id", ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "number", name=op.f("pk_workflow_join")),
    )
    op.create_table(
        "workflow_edge",
        sa.Column("workflow_id", ID, autoincrement=False, nullable=False),
        sa.Column("parent", ID, autoincrement=False, nullable=False),
        sa.Column("child", ID, autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "parent", "child", name=op.f("pk_workflow_edge")),
    )
    op.create_index("ix_workflow_edge_child", "workflow_edge", ["workflow_id", "child"])


def downgrade() -> None:
    op.drop_table("workflow_edge")
    op.drop_table("workflow_join")
    op.drop_table("workflow")
