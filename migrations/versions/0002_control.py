"""What steers jobs: rank and turn, limits and pauses, keys, progress, cancellation; places for workflows and schedules.

Everything is new or has a default, so that processes of the version before go on beside it. The index of ready jobs
is made anew in the order of the new claim.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime, db_now

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = "state IN ('ready', 'scheduled', 'blocked')"
LIVE = "state IN ('ready', 'scheduled', 'blocked', 'running')"


def _index(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, "job", columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    columns: list[sa.Column[object]] = [
        sa.Column("rank", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("checkpoint", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("interruptions", sa.Integer(), server_default="0", nullable=False),
        sa.Column("live_key", sa.String(length=200), nullable=True),
        sa.Column("concurrency_key", sa.String(length=200), nullable=True),
        sa.Column("cancel_requested_at", UtcDateTime(), nullable=True),
        sa.Column("cancel_requested_by", sa.String(length=160), nullable=True),
        sa.Column("progress_current", sa.BigInteger(), nullable=True),
        sa.Column("progress_total", sa.BigInteger(), nullable=True),
        sa.Column("progress_note", sa.String(length=200), nullable=True),
        sa.Column("progressed_at", UtcDateTime(), nullable=True),
        sa.Column("workflow_id", ID, nullable=True),
        sa.Column("step", sa.String(length=80), nullable=True),
        sa.Column("pending_deps", sa.Integer(), server_default="0", nullable=False),
        sa.Column("schedule_id", ID, nullable=True),
        sa.Column("slot", UtcDateTime(), nullable=True),
        sa.Column("retry_of", ID, nullable=True),
        sa.Column("error_fingerprint", sa.String(length=16), nullable=True),
    ]
    for column in columns:
        op.add_column("job", column)
    op.execute("UPDATE job SET rank = priority WHERE rank <> priority AND finished_at IS NULL")
    op.drop_index("ix_job_ready", table_name="job")
    _index("ix_job_ready", ["queue", "rank", "turn", "id"], "state = 'ready'")
    _index("ix_job_share", ["queue", "rank", "requested_by", "turn"], "state = 'ready' AND turn > 0")
    _index("ix_job_expiring", ["expires_at"], "expires_at IS NOT NULL AND " + WAITING)
    _index("ix_job_running_key", ["concurrency_key"], "state = 'running' AND concurrency_key IS NOT NULL")
    _index("ix_job_workflow", ["workflow_id", "id"], "workflow_id IS NOT NULL")
    _index("ix_job_schedule", ["schedule_id", "id"], "schedule_id IS NOT NULL")
    _index("ix_job_error", ["error_fingerprint", "id"], "error_fingerprint IS NOT NULL")
    _index("uq_job_live_key", ["live_key"], LIVE, unique=True)
    op.create_table(
        "job_lane",
        sa.Column("scope", sa.String(length=8), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("paused_at", UtcDateTime(), nullable=True),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.Column("paused_by", sa.String(length=160), nullable=True),
        sa.Column("pause_reason", sa.String(length=200), nullable=True),
        sa.Column("most_running", sa.Integer(), nullable=True),
        sa.Column("rate_count", sa.Integer(), nullable=True),
        sa.Column("rate_period_s", sa.Double(), nullable=True),
        sa.Column("tokens", sa.Double(), nullable=True),
        sa.Column("filled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("scope IN ('queue', 'kind')", name=op.f("ck_job_lane_scope")),
        sa.PrimaryKeyConstraint("scope", "name", name=op.f("pk_job_lane")),
    )
    op.create_table(
        "job_period_key",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_job_period_key")),
    )
    op.create_index(op.f("ix_job_period_key_until"), "job_period_key", ["until"], unique=False)
    op.create_table(
        "job_kind",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_kind")),
    )


def downgrade() -> None:
    op.drop_table("job_kind")
    op.drop_table("job_period_key")
    op.drop_table("job_lane")
    for name in ("uq_job_live_key", "ix_job_error", "ix_job_schedule", "ix_job_workflow", "ix_job_running_key"):
        op.drop_index(name, table_name="job")
    for name in ("ix_job_expiring", "ix_job_share", "ix_job_ready"):
        op.drop_index(name, table_name="job")
    for name in (
        "rank",
        "turn",
        "checkpoint",
        "expires_at",
        "interruptions",
        "live_key",
        "concurrency_key",
        "cancel_requested_at",
        "cancel_requested_by",
        "progress_current",
        "progress_total",
        "progress_note",
        "progressed_at",
        "workflow_id",
        "step",
        "pending_deps",
        "schedule_id",
        "slot",
        "retry_of",
        "error_fingerprint",
    ):
        op.drop_column("job", name)
    _index("ix_job_ready", ["queue", "priority", "id"], "state = 'ready'")
