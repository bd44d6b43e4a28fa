"""leave some out of an offer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("control", sa.Integer(), server_default="0", nullable=False))
    id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "offer_audience",
        sa.Column("offer_id", id, nullable=False),
        sa.Column("card_id", id, nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_offer_audience_card_id_card")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_offer_audience_offer_id_offer")),
        sa.PrimaryKeyConstraint("offer_id", "card_id", name=op.f("pk_offer_audience")),
    )


def downgrade() -> None:
    op.drop_table("offer_audience")
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.drop_column("control")
