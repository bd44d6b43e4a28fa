"""find members by each word of their name"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from passes.names import words

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_CHUNK = 10_000


def upgrade() -> None:
    word = sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql")
    op.create_table(
        "name_word",
        sa.Column("member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("word", word, nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_name_word_member_id_member")),
        sa.PrimaryKeyConstraint("member_id", "word", name=op.f("pk_name_word")),
    )
    _fill()
    with op.batch_alter_table("name_word", schema=None) as batch_op:
        batch_op.create_index("ix_name_word_word_member_id", ["word", "member_id"], unique=False)
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_name_key"))
        batch_op.drop_column("name_key")


def downgrade() -> None:
    key = sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql")
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name_key", key, server_default="", nullable=False))
    op.execute("UPDATE member SET name_key = lower(name)")
    with op.batch_alter_table("member", schema=None) as batch_op:
        batch_op.alter_column("name_key", server_default=None)
        batch_op.create_index(batch_op.f("ix_member_name_key"), ["name_key"], unique=False)
    op.drop_table("name_word")


def _fill() -> None:
    tx, after = op.get_bind(), 0
    member = sa.table("member", sa.column("id"), sa.column("name"))
    name_word = sa.table("name_word", sa.column("member_id"), sa.column("word"))
    named = sa.select(member.c.id, member.c.name).where(member.c.name != "").order_by(member.c.id).limit(_CHUNK)
    while rows := tx.execute(named.where(member.c.id > after)).all():
        found = [{"member_id": row.id, "word": word} for row in rows for word in words(row.name)]
        if found:
            tx.execute(sa.insert(name_word), found)
        after = rows[-1].id
