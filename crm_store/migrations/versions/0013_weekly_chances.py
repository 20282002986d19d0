"""When, beside whether: the chance of a loss in each coming week stands with the score."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("score_log", sa.Column("weekly", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("score_log", "weekly")
