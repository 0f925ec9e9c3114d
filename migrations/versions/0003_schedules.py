"""Schedules, and what became of each of their slots.

Everything is new, so that processes of the version before go on beside it.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime, db_now

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LIVE = "schedule_id IS NOT NULL AND state IN ('ready', 'scheduled', 'blocked', 'running')"


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("requested_by", sa.String(length=80), server_default="", nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=True),
        sa.Column("rule_kind", sa.String(length=8), nullable=False),
        sa.Column("rule_text", sa.String(length=500), nullable=False),
        sa.Column("zone", sa.String(length=64), server_default="UTC", nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("most_times", sa.Integer(), nullable=True),
        sa.Column("jitter_s", sa.Integer(), server_default="0", nullable=False),
        sa.Column("misfire", sa.String(length=8), server_default="one", nullable=False),
        sa.Column("most_missed", sa.SmallInteger(), server_default="10", nullable=False),
        sa.Column("overlap", sa.String(length=12), server_default="allow", nullable=False),
        sa.Column("fired", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column("queued_slot", UtcDateTime(), nullable=True),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("last_fired_at", UtcDateTime(), nullable=True),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.String(length=160), nullable=True),
        sa.Column("pause_reason", sa.String(length=200), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name=op.f("ck_schedule_priority")),
        sa.CheckConstraint("rule_kind IN ('every', 'cron', 'rrule', 'once')", name=op.f("ck_schedule_rule_kind")),
        sa.CheckConstraint("misfire IN ('skip', 'one', 'all')", name=op.f("ck_schedule_misfire")),
        sa.CheckConstraint("overlap IN ('allow', 'skip', 'queue_one', 'replace')", name=op.f("ck_schedule_overlap")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("uid", name=op.f("uq_schedule_uid")),
        sa.UniqueConstraint("requested_by", "name", name=op.f("uq_schedule_requested_by_name")),
    )
    _index("ix_schedule_due", "schedule", ["next_at", "id"], "next_at IS NOT NULL AND paused_at IS NULL")
    _index("ix_schedule_queued", "schedule", ["id"], "queued_slot IS NOT NULL AND paused_at IS NULL")
    op.create_table(
        "schedule_fire",
        sa.Column("schedule_id", ID, nullable=False),
        sa.Column("slot", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("job_uid", sa.String(length=32), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('fired', 'queued', 'replaced', 'skipped_late', 'skipped_overlap', 'failed')",
            name=op.f("ck_schedule_fire_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"],
            ["schedule.id"],
            name=op.f("fk_schedule_fire_schedule_id_schedule"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("schedule_id", "slot", name=op.f("pk_schedule_fire")),
    )
    op.create_index(op.f("ix_schedule_fire_at"), "schedule_fire", ["at"], unique=False)
    _index("ix_job_schedule_live", "job", ["schedule_id"], LIVE)


def downgrade() -> None:
    op.drop_index("ix_job_schedule_live", table_name="job")
    op.drop_table("schedule_fire")
    op.drop_table("schedule")
