"""The event log, looks at the system's health, and alerts. New tables only."""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _events()
    _health()
    _alerts()


def downgrade() -> None:
    for table in ("alert_sighting", "alert_mute", "alert_step", "alert", "health_part", "health_check", "event"):
        op.drop_table(table)


def _events() -> None:
    op.create_table(
        "event",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("job", sa.String(length=32), nullable=True),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_at", "event", ["at", "id"])
    op.create_index("ix_event_kind", "event", ["kind", "at", "id"])
    op.create_index("ix_event_action", "event", ["action", "at", "id"])
    op.create_index("ix_event_level", "event", ["level", "at", "id"], **_where("level <> 'info'"))
    op.create_index("ix_event_who", "event", ["who", "at", "id"], **_where("who IS NOT NULL"))
    op.create_index("ix_event_request", "event", ["request_id"], **_where("request_id IS NOT NULL"))
    op.create_index("ix_event_job", "event", ["job"], **_where("job IS NOT NULL"))


def _health() -> None:
    op.create_table(
        "health_check",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("condition", sa.String(length=10), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Float(53), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_check")),
    )
    op.create_index("ix_health_check_at", "health_check", ["at", "condition", "latency_ms"])
    op.create_table(
        "health_part",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("condition", sa.String(length=10), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("remedy", sa.String(length=300), nullable=False),
        sa.Column("took_ms", sa.Float(53), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_health_part")),
    )


def _alerts() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=120), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=80), nullable=True),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("resolved_by", sa.String(length=80), nullable=True),
        sa.Column("file", sa.String(length=160), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index("uq_alert_open", "alert", ["fingerprint"], unique=True, **_where("resolved_at IS NULL"))
    op.create_index("ix_alert_fingerprint", "alert", ["fingerprint", "id"])
    op.create_index("ix_alert_open_id", "alert", ["id"], **_where("resolved_at IS NULL"))
    op.create_index("ix_alert_no_file", "alert", ["id"], **_where("file IS NULL"))
    op.create_index("ix_alert_resolved_at", "alert", ["resolved_at"], **_where("resolved_at IS NOT NULL"))
    op.create_table(
        "alert_step",
        sa.Column("id", ID, nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("by", sa.String(length=80), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alert.id"], name=op.f("fk_alert_step_alert_id_alert"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_step")),
    )
    op.create_index(op.f("ix_alert_step_alert_id"), "alert_step", ["alert_id"])
    op.create_table(
        "alert_mute",
        sa.Column("fingerprint", sa.String(length=120), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("by", sa.String(length=80), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_alert_mute")),
    )
    op.create_table(
        "alert_sighting",
        sa.Column("id", ID, nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("words", sa.String(length=300), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_sighting")),
    )
    op.create_index("ix_alert_sighting_free", "alert_sighting", ["rule", "at"], **_where("alert_id IS NULL"))
    op.create_index("ix_alert_sighting_at", "alert_sighting", ["at"])


def _where(condition: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
