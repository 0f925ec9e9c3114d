"""The audit log is looked at by time. An index only: what runs the version before goes on."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_job_audit_at"), "job_audit", ["at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_job_audit_at"), table_name="job_audit")
