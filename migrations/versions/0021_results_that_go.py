"""What a job came to may be forgotten before the job.

A column that may be empty, and an index of the few jobs that came to something: what runs the version before goes on.
"""

import sqlalchemy as sa
from alembic import op

from jobs import UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("result_gone_at", UtcDateTime(), nullable=True))
    where = sa.text("result IS NOT NULL")
    op.create_index("ix_job_result", "job", ["finished_at"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_job_result", table_name="job")
    op.drop_column("job", "result_gone_at")
