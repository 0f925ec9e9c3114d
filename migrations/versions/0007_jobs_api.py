"""Jobs by who asked for them, and requests that may be sent again. A new index and a new table only."""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WHERE = sa.text("requested_by IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_job_requester", "job", ["requested_by", "id"], sqlite_where=WHERE, postgresql_where=WHERE, unique=False
    )
    op.create_table(
        "keyed_request",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=220), nullable=False),
        sa.Column("content_print", sa.String(length=64), nullable=False),
        sa.Column("made", sa.JSON(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["person.id"], name=op.f("fk_keyed_request_user_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_keyed_request")),
    )
    op.create_index(op.f("ix_keyed_request_sent_at"), "keyed_request", ["sent_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_keyed_request_sent_at"), table_name="keyed_request")
    op.drop_table("keyed_request")
    op.drop_index("ix_job_requester", table_name="job", sqlite_where=WHERE, postgresql_where=WHERE)
