"""Statistics of people, leaderboards, and an index by which it is seen that something of a person's changed.

Everything is new, so that processes of the version before go on beside it.
"""

import sqlalchemy as sa
from alembic import op

from app.exact import Exact
from jobs import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_activity_changed", "activity", ["user_id", "changed_at"])
    op.create_table(
        "user_statistics",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("since_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=False),
        sa.Column("activity_count", sa.Integer(), nullable=False),
        sa.Column("active_days", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.BigInteger(), nullable=False),
        sa.Column("longest_s", sa.Integer(), nullable=False),
        sa.Column("energy_kcal", Exact(12, 1), nullable=True),
        sa.Column("uncounted", sa.Integer(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("bests", sa.JSON(), nullable=False),
        sa.Column("calculated_at", UtcDateTime(), nullable=False),
        sa.Column("knows_until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["person.id"], name=op.f("fk_user_statistics_user_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_statistics")),
    )
    op.create_table(
        "leaderboard_member",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("display_name", sa.String(length=40), nullable=False),
        sa.Column("name_key", sa.String(length=160), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["person.id"], name=op.f("fk_leaderboard_member_user_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_leaderboard_member")),
        sa.UniqueConstraint("name_key", name=op.f("uq_leaderboard_member_name_key")),
    )
    op.create_table(
        "leaderboard",
        sa.Column("period", sa.String(length=5), nullable=False),
        sa.Column("since_day", sa.Date(), nullable=True),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("calculated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_leaderboard")),
    )
    op.create_table(
        "leaderboard_standing",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.String(length=5), nullable=False),
        sa.Column("energy_kcal", Exact(12, 1), nullable=False),
        sa.Column("minutes", sa.BigInteger(), nullable=False),
        sa.Column("active_days", sa.Integer(), nullable=False),
        sa.Column("energy_rank", sa.Integer(), nullable=False),
        sa.Column("minutes_rank", sa.Integer(), nullable=False),
        sa.Column("days_rank", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["person.id"], name=op.f("fk_leaderboard_standing_user_id_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "period", name=op.f("pk_leaderboard_standing")),
    )


def downgrade() -> None:
    op.drop_table("leaderboard_standing")
    op.drop_table("leaderboard")
    op.drop_table("leaderboard_member")
    op.drop_table("user_statistics")
    op.drop_index("ix_activity_changed", table_name="activity")
