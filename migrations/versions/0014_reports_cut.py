"""Reports know whether their file holds every row.

A column with a default that the database fills in: what runs the version before goes on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("report", sa.Column("is_cut", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("report") as table:
        table.drop_column("is_cut")
