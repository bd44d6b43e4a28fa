"""What Google holds of our cards, what its members were told, and which callbacks were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "google_announcement",
        sa.Column("class_id", sa.String(length=120), nullable=False),
        sa.Column("offer", sa.String(length=32), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("class_id", "offer", name=op.f("pk_google_announcement")),
    )
    op.create_table(
        "google_class",
        sa.Column("id", sa.String(length=120), nullable=False),
        sa.Column("programme", sa.String(length=40), nullable=False),
        sa.Column("is_there", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.LargeBinary(length=16), nullable=True),
        sa.Column("page", sa.String(length=500), nullable=True),
        sa.Column("ask_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_google_class")),
    )
    with op.batch_alter_table("google_class", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_google_class_ask_at"), ["ask_at"], unique=False)

    op.create_table(
        "google_nonce",
        sa.Column("nonce", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_google_nonce")),
    )
    with op.batch_alter_table("google_nonce", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_google_nonce_at"), ["at"], unique=False)

    op.create_table(
        "google_notice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("pass_id", sa.String(length=120), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_google_notice")),
    )
    with op.batch_alter_table("google_notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_google_notice_at"), ["at"], unique=False)
        batch_op.create_index("ix_google_notice_pass_id_at", ["pass_id", "at"], unique=False)

    op.create_table(
        "google_pace",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("taken_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_google_pace")),
    )
    op.create_table(
        "google_object",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("is_there", sa.Boolean(), nullable=False),
        sa.Column("sent", sa.LargeBinary(length=16), nullable=True),
        sa.Column("is_blank", sa.Boolean(), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=True),
        sa.Column("news_at", sa.BigInteger(), nullable=False),
        sa.Column("event_ms", sa.BigInteger(), nullable=False),
        sa.Column("saved", sa.BigInteger(), nullable=True),
        sa.Column("removed", sa.BigInteger(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_google_object_card_id_card")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_google_object")),
        sa.UniqueConstraint("card_id", name=op.f("uq_google_object_card_id")),
    )


def downgrade() -> None:
    op.drop_table("google_object")
    op.drop_table("google_pace")
    with op.batch_alter_table("google_notice", schema=None) as batch_op:
        batch_op.drop_index("ix_google_notice_pass_id_at")
        batch_op.drop_index(batch_op.f("ix_google_notice_at"))

    op.drop_table("google_notice")
    with op.batch_alter_table("google_nonce", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_google_nonce_at"))

    op.drop_table("google_nonce")
    with op.batch_alter_table("google_class", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_google_class_ask_at"))

    op.drop_table("google_class")
    op.drop_table("google_announcement")
