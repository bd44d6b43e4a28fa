"""Purses for several units, tallies, rule sets; lots by their end; what a receipt was judged by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Row = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _new_tables()
    _fill_purses()
    _lift_guard()
    with op.batch_alter_table("posting") as posting:
        posting.add_column(sa.Column("lot_id", Row, nullable=True))
        posting.alter_column("source", existing_type=sa.String(20), type_=sa.String(60), existing_nullable=False)
        posting.alter_column("target", existing_type=sa.String(20), type_=sa.String(60), existing_nullable=False)
        posting.create_foreign_key(op.f("fk_posting_lot_id_lot"), "lot", ["lot_id"], ["id"])
    op.execute("UPDATE posting SET lot_id = (SELECT id FROM lot WHERE lot.posting_id = posting.id)")
    _set_guard()
    with op.batch_alter_table("lot") as lot:
        lot.add_column(sa.Column("unit", sa.String(20), nullable=False, server_default=""))
        lot.add_column(sa.Column("ripens", sa.BigInteger(), nullable=True))
        lot.drop_index(op.f("ix_lot_posting_id"))
        lot.drop_constraint(op.f("fk_lot_posting_id_posting"), type_="foreignkey")
        lot.drop_column("posting_id")
    with op.batch_alter_table("receipt") as receipt:
        receipt.add_column(sa.Column("total", sa.BigInteger(), nullable=False, server_default="0"))
        receipt.add_column(sa.Column("context", sa.JSON(), nullable=True))
        receipt.add_column(sa.Column("effects", sa.JSON(), nullable=True))
        receipt.drop_constraint(op.f("uq_receipt_reverses"), type_="unique")
        receipt.create_index(op.f("ix_receipt_reverses"), ["reverses"])
    op.execute(f"UPDATE receipt SET total = {_total()}")
    with op.batch_alter_table("card") as card:
        card.add_column(sa.Column("active", sa.BigInteger(), nullable=True))
        card.add_column(sa.Column("tier_since", sa.BigInteger(), nullable=True))
        card.add_column(sa.Column("tier_until", sa.BigInteger(), nullable=True))
        card.drop_constraint(op.f("ck_card_balance_not_negative"), type_="check")
        card.drop_column("balance")
        card.drop_column("earned")
    op.execute(
        "UPDATE card SET active = (SELECT max(created) FROM receipt"
        " WHERE receipt.card_id = card.id AND reverses IS NULL AND reversed_by IS NULL)"
    )
    with op.batch_alter_table("member") as member:
        member.add_column(sa.Column("birth_month", sa.SmallInteger(), nullable=True))
    with op.batch_alter_table("programme") as programme:
        programme.add_column(sa.Column("ruleset", sa.BigInteger(), nullable=False, server_default="1"))
    for table, column in (("lot", "unit"), ("receipt", "total"), ("programme", "ruleset")):
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, server_default=None)


def downgrade() -> None:
    """Back to one unit: what a card holds of others is lost, and of several returns of one receipt the first counts."""
    _refuse_other_units()
    with op.batch_alter_table("programme") as programme:
        programme.drop_column("ruleset")
    with op.batch_alter_table("member") as member:
        member.drop_column("birth_month")
    with op.batch_alter_table("card") as card:
        card.drop_column("tier_until")
        card.drop_column("tier_since")
        card.drop_column("active")
        card.add_column(sa.Column("balance", sa.BigInteger(), nullable=False, server_default="0"))
        card.add_column(sa.Column("earned", sa.BigInteger(), nullable=False, server_default="0"))
    for name in ("balance", "earned"):
        held = f"SELECT {name} FROM purse WHERE purse.card_id = card.id AND purse.unit = ''"
        op.execute(f"UPDATE card SET {name} = coalesce(({held}), 0)")
    with op.batch_alter_table("card") as card:
        card.create_check_constraint(op.f("ck_card_balance_not_negative"), "balance >= 0")
        card.alter_column("balance", server_default=None)
        card.alter_column("earned", server_default=None)
    op.execute(
        "UPDATE receipt SET reverses = NULL WHERE reverses IS NOT NULL AND id NOT IN"
        " (SELECT min(id) FROM receipt WHERE reverses IS NOT NULL GROUP BY reverses)"
    )
    with op.batch_alter_table("receipt") as receipt:
        receipt.drop_index(op.f("ix_receipt_reverses"))
        receipt.create_unique_constraint(op.f("uq_receipt_reverses"), ["reverses"])
        receipt.drop_column("effects")
        receipt.drop_column("context")
        receipt.drop_column("total")
    with op.batch_alter_table("lot") as lot:
        lot.add_column(sa.Column("posting_id", Row, nullable=True))
    op.execute("UPDATE lot SET posting_id = (SELECT min(id) FROM posting WHERE posting.lot_id = lot.id)")
    with op.batch_alter_table("lot") as lot:
        lot.alter_column("posting_id", existing_type=Row, nullable=False)
        lot.create_foreign_key(op.f("fk_lot_posting_id_posting"), "posting", ["posting_id"], ["id"])
        lot.create_index(op.f("ix_lot_posting_id"), ["posting_id"])
        lot.drop_column("ripens")
        lot.drop_column("unit")
    _lift_guard()
    with op.batch_alter_table("posting") as posting:
        posting.drop_constraint(op.f("fk_posting_lot_id_lot"), type_="foreignkey")
        posting.alter_column("target", existing_type=sa.String(60), type_=sa.String(20), existing_nullable=False)
        posting.alter_column("source", existing_type=sa.String(60), type_=sa.String(20), existing_nullable=False)
        posting.drop_column("lot_id")
    _set_guard()
    for table in ("purse", "tally", "ruleset"):
        op.drop_table(table)


def _new_tables() -> None:
    op.create_table(
        "ruleset",
        sa.Column("programme_id", Row, autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("effective", sa.BigInteger(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_ruleset_programme_id_programme")),
        sa.PrimaryKeyConstraint("programme_id", "number", name=op.f("pk_ruleset")),
    )
    op.create_table(
        "tally",
        sa.Column("programme_id", Row, autoincrement=False, nullable=False),
        sa.Column("card_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.String(10), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_tally_programme_id_programme")),
        sa.PrimaryKeyConstraint("programme_id", "card_id", "period", "key", name=op.f("pk_tally")),
    )
    op.create_table(
        "purse",
        sa.Column("card_id", Row, autoincrement=False, nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("earned", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_purse_balance_not_negative")),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_purse_card_id_card")),
        sa.PrimaryKeyConstraint("card_id", "unit", name=op.f("pk_purse")),
    )


def _lift_guard() -> None:
    """Postings are never changed; the number of the lot they filled is no part of what was written and chained."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER posting_no_{verb}")
    else:
        op.execute("ALTER TABLE posting DISABLE TRIGGER posting_guard")


def _set_guard() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER posting_no_{verb.lower()} BEFORE {verb} ON posting "
                "BEGIN SELECT RAISE(ABORT, 'postings are never changed'); END"
            )
    else:
        op.execute("ALTER TABLE posting ENABLE TRIGGER posting_guard")


def _fill_purses() -> None:
    op.execute("INSERT INTO purse (card_id, unit, balance, earned) SELECT id, '', balance, earned FROM card")
    op.execute(
        "INSERT INTO ruleset (programme_id, number, effective, definition, created)"
        " SELECT id, 1, created, definition, created FROM programme"
    )


def _total() -> str:
    if op.get_bind().dialect.name == "sqlite":
        return "coalesce(json_extract(content, '$.total'), 0)"
    return "coalesce((content ->> 'total')::bigint, 0)"


def _refuse_other_units() -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM purse WHERE unit <> '' AND balance > 0")).first():
        raise ValueError("some cards hold other units than the main one; an older version cannot keep them")
