"""Jobs in other queues than their kinds', bulk operations, and the audit log. New tables only.

The database itself refuses to change or remove rows of the audit log.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime, db_now

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REFUSED = "the audit log is only added to"


def upgrade() -> None:
    op.create_table(
        "job_guest",
        sa.Column("queue", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("queue", "kind", name=op.f("pk_job_guest")),
    )
    op.create_table(
        "job_bulk",
        sa.Column("id", ID, nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=True),
        sa.Column("queue", sa.String(length=64), nullable=True),
        sa.Column("undo_of", ID, nullable=True),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("reached_id", ID, nullable=False),
        sa.Column("highest_id", ID, nullable=False),
        sa.Column("matched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("job_uid", sa.String(length=32), nullable=False),
        sa.Column("requested_by", sa.String(length=160), nullable=True),
        sa.Column("created_at", UtcDateTime(), server_default=db_now(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "action IN ('retry', 'cancel', 'delete', 'move', 'reprioritise', 'undo')", name=op.f("ck_job_bulk_action")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_bulk")),
        sa.UniqueConstraint("uid", name=op.f("uq_job_bulk_uid")),
        sa.UniqueConstraint("undo_of", name=op.f("uq_job_bulk_undo_of")),
    )
    op.create_index(op.f("ix_job_bulk_created_at"), "job_bulk", ["created_at"], unique=False)
    op.create_table(
        "job_bulk_change",
        sa.Column("bulk_id", ID, nullable=False),
        sa.Column("job_id", ID, autoincrement=False, nullable=False),
        sa.Column("was", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulk_id"], ["job_bulk.id"], name=op.f("fk_job_bulk_change_bulk_id_job_bulk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bulk_id", "job_id", name=op.f("pk_job_bulk_change")),
    )
    op.create_table(
        "job_audit",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=160), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_audit")),
    )
    op.create_table(
        "job_audit_head",
        sa.Column("one", ID, autoincrement=False, nullable=False),
        sa.Column("length", ID, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_job_audit_head")),
    )
    _refuse_changes_of_the_audit_log()


def downgrade() -> None:
    op.drop_table("job_audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION job_audit_refuse()")
    op.drop_table("job_audit_head")
    op.drop_table("job_bulk_change")
    op.drop_table("job_bulk")
    op.drop_table("job_guest")


def _refuse_changes_of_the_audit_log() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION job_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER job_audit_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON job_audit"
            " FOR EACH STATEMENT EXECUTE FUNCTION job_audit_refuse()"
        )
        return
    for move in ("update", "delete"):
        op.execute(
            f"CREATE TRIGGER job_audit_no_{move} BEFORE {move} ON job_audit BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
        )
