"""Which rotating code of a card was accepted last, and what was spent on a day without one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = ("last_step", "unproven", "unproven_day")


def upgrade() -> None:
    with op.batch_alter_table("card", schema=None) as batch_op:
        for name in COLUMNS:
            batch_op.add_column(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("card", schema=None) as batch_op:
        for name in reversed(COLUMNS):
            batch_op.drop_column(name)
