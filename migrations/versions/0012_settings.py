"""Settings that change while the product runs; accounts that are closed, and sign-ins confirmed once more.

New tables, and columns that may be empty.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "setting_value",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting_value")),
    )
    op.create_table(
        "setting_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("by", sa.String(length=160), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting_change")),
    )
    op.create_index(op.f("ix_setting_change_name"), "setting_change", ["name"], unique=False)
    op.add_column("person", sa.Column("disabled_at", UtcDateTime(), nullable=True))
    op.add_column("sign_in_session", sa.Column("confirmed_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("sign_in_session", "confirmed_at")
    op.drop_column("person", "disabled_at")
    op.drop_table("setting_change")
    op.drop_table("setting_value")
