"""What cards hold beside points: coupons, PINs, memberships, friends, nicknames."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ISSUED = sa.text("state = 'issued' AND ends IS NOT NULL")
DUE = sa.text("due IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "card_pin",
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_card_pin_card_id_card")),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_card_pin")),
    )
    op.create_table(
        "coupon",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=True),
        sa.Column("receipt", sa.String(length=100), nullable=True),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_coupon_card_id_card")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_coupon_programme_id_programme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon")),
        sa.UniqueConstraint("code", name=op.f("uq_coupon_code")),
    )
    with op.batch_alter_table("coupon", schema=None) as batch_op:
        batch_op.create_index("ix_coupon_card_id_kind", ["card_id", "kind"], unique=False)
        batch_op.create_index(
            "ix_coupon_ends",
            ["ends"],
            unique=False,
            sqlite_where=sa.text("state = 'issued' AND ends IS NOT NULL"),
            postgresql_where=sa.text("state = 'issued' AND ends IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_coupon_programme_id"), ["programme_id"], unique=False)

    op.create_table(
        "friend_code",
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_friend_code_card_id_card")),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_friend_code")),
        sa.UniqueConstraint("code", name=op.f("uq_friend_code_code")),
    )
    op.create_table(
        "membership",
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("paid_until", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_membership_card_id_card")),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_membership")),
    )
    op.create_table(
        "nickname",
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("name_key", sa.String(length=72), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_nickname_card_id_card")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_nickname_programme_id_programme")),
        sa.PrimaryKeyConstraint("card_id", name=op.f("pk_nickname")),
        sa.UniqueConstraint("programme_id", "name_key", name=op.f("uq_nickname_programme_id_name_key")),
    )
    op.create_table(
        "referral",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("programme_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("referrer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("friend_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=True),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["friend_id"], ["card.id"], name=op.f("fk_referral_friend_id_card")),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_referral_programme_id_programme")),
        sa.ForeignKeyConstraint(["referrer_id"], ["card.id"], name=op.f("fk_referral_referrer_id_card")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sa.UniqueConstraint("friend_id", name=op.f("uq_referral_friend_id")),
    )
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.create_index(
            "ix_referral_due",
            ["due"],
            unique=False,
            sqlite_where=sa.text("due IS NOT NULL"),
            postgresql_where=sa.text("due IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_referral_referrer_id"), ["referrer_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_referral_referrer_id"))
        batch_op.drop_index(
            "ix_referral_due", sqlite_where=sa.text("due IS NOT NULL"), postgresql_where=sa.text("due IS NOT NULL")
        )

    op.drop_table("referral")
    op.drop_table("nickname")
    op.drop_table("membership")
    op.drop_table("friend_code")
    with op.batch_alter_table("coupon", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_coupon_programme_id"))
        batch_op.drop_index(
            "ix_coupon_ends",
            sqlite_where=sa.text("state = 'issued' AND ends IS NOT NULL"),
            postgresql_where=sa.text("state = 'issued' AND ends IS NOT NULL"),
        )
        batch_op.drop_index("ix_coupon_card_id_kind")

    op.drop_table("coupon")
    op.drop_table("card_pin")
