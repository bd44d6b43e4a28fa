"""Which rotating code of a card was accepted last, what was spent on a day without one; which objects may be there."""

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
    with op.batch_alter_table("google_object", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_tried", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("google_object", schema=None) as batch_op:
        batch_op.drop_column("is_tried")
    with op.batch_alter_table("card", schema=None) as batch_op:
        for name in reversed(COLUMNS):
            batch_op.drop_column(name)
