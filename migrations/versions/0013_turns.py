"""What nobody asked for takes turns too: the index that finds a person's last turn is of persons alone."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMNS = ["queue", "rank", "requested_by", "turn"]


def upgrade() -> None:
    op.drop_index("ix_job_share", "job")
    _index("state = 'ready' AND turn > 0 AND requested_by IS NOT NULL")


def downgrade() -> None:
    op.drop_index("ix_job_share", "job")
    _index("state = 'ready' AND turn > 0")


def _index(where: str) -> None:
    op.create_index("ix_job_share", "job", COLUMNS, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
