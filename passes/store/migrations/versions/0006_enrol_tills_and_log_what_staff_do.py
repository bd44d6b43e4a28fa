"""Tills, shifts, the log of what staff do, offline queues and their conflicts, second factors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REFUSAL = "what staff did is only ever added to the log"


def upgrade() -> None:
    op.create_table(
        "till",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("location", sa.String(length=80), nullable=False),
        sa.Column("invitation", sa.LargeBinary(length=32), nullable=True),
        sa.Column("invited_until", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("enrolled", sa.BigInteger(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_till")),
        sa.UniqueConstraint("hash", name=op.f("uq_till_hash")),
        sa.UniqueConstraint("invitation", name=op.f("uq_till_invitation")),
        sa.UniqueConstraint("key", name=op.f("uq_till_key")),
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credential", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("signed", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_passkey_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential", name=op.f("uq_passkey_credential")),
    )
    with op.batch_alter_table("passkey", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_passkey_staff_id"), ["staff_id"], unique=False)

    op.create_table(
        "shift",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("till_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_shift_staff_id_staff")),
        sa.ForeignKeyConstraint(["till_id"], ["till.id"], name=op.f("fk_shift_till_id_till")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.create_index(
            "ix_shift_open",
            ["till_id"],
            unique=True,
            sqlite_where=sa.text("ended IS NULL"),
            postgresql_where=sa.text("ended IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_shift_staff_id"), ["staff_id"], unique=False)
        batch_op.create_index("ix_shift_till_id_started", ["till_id", "started"], unique=False)

    op.create_table(
        "conflict",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("till_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("resolved", sa.BigInteger(), nullable=True),
        sa.Column("resolved_by", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_conflict_card_id_card")),
        sa.ForeignKeyConstraint(["resolved_by"], ["staff.id"], name=op.f("fk_conflict_resolved_by_staff")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_conflict_staff_id_staff")),
        sa.ForeignKeyConstraint(["till_id"], ["till.id"], name=op.f("fk_conflict_till_id_till")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict")),
        sa.UniqueConstraint("till_id", "fingerprint", name=op.f("uq_conflict_till_id_fingerprint")),
    )
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_conflict_resolved"), ["resolved"], unique=False)

    op.create_table(
        "queued",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("till_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=36), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_queued_card_id_card")),
        sa.ForeignKeyConstraint(["till_id"], ["till.id"], name=op.f("fk_queued_till_id_till")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queued")),
        sa.UniqueConstraint("name", name=op.f("uq_queued_name")),
        sa.UniqueConstraint("till_id", "seq", name=op.f("uq_queued_till_id_seq")),
    )
    with op.batch_alter_table("queued", schema=None) as batch_op:
        batch_op.create_index("ix_queued_card_id_till_id", ["card_id", "till_id"], unique=False)

    op.create_table(
        "staff_card",
        sa.Column(
            "staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_staff_card_card_id_card")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_card_staff_id_staff")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_card")),
    )
    with op.batch_alter_table("staff_card", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_card_card_id"), ["card_id"], unique=False)

    op.create_table(
        "action",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("staff_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("till", sa.String(length=16), nullable=False),
        sa.Column("shift_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("location", sa.String(length=80), nullable=False),
        sa.Column("card_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("receipt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("noted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["card_id"], ["card.id"], name=op.f("fk_action_card_id_card")),
        sa.ForeignKeyConstraint(["receipt_id"], ["receipt.id"], name=op.f("fk_action_receipt_id_receipt")),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_action_shift_id_shift")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_action_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action")),
    )
    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_action_at"), ["at"], unique=False)
        batch_op.create_index("ix_action_card_id_what_at", ["card_id", "what", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_action_receipt_id"), ["receipt_id"], unique=False)
        batch_op.create_index("ix_action_shift_id", ["shift_id"], unique=False)
        batch_op.create_index("ix_action_staff_id_what_at", ["staff_id", "what", "at"], unique=False)
        batch_op.create_index("ix_action_till_what_at", ["till", "what", "at"], unique=False)

    op.create_index(
        "ix_card_not_active",
        "card",
        ["id"],
        sqlite_where=sa.text("status <> 'active'"),
        postgresql_where=sa.text("status <> 'active'"),
    )
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name", sa.String(length=60), server_default="", nullable=False))
        batch_op.add_column(sa.Column("pin", sa.LargeBinary(length=32), nullable=True))
        batch_op.add_column(sa.Column("totp", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("totp_used", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("recovery", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("trained", sa.BigInteger(), nullable=True))

    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("shift_id", sa.BigInteger(), nullable=True))

    _guard_actions()


def downgrade() -> None:
    _unguard_actions()
    op.drop_index("ix_card_not_active", "card")
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.drop_column("shift_id")

    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_column("trained")
        batch_op.drop_column("recovery")
        batch_op.drop_column("totp_used")
        batch_op.drop_column("totp")
        batch_op.drop_column("pin")
        batch_op.drop_column("name")

    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.drop_index("ix_action_till_what_at")
        batch_op.drop_index("ix_action_staff_id_what_at")
        batch_op.drop_index("ix_action_shift_id")
        batch_op.drop_index(batch_op.f("ix_action_receipt_id"))
        batch_op.drop_index("ix_action_card_id_what_at")
        batch_op.drop_index(batch_op.f("ix_action_at"))

    op.drop_table("action")
    with op.batch_alter_table("staff_card", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_card_card_id"))

    op.drop_table("staff_card")
    with op.batch_alter_table("queued", schema=None) as batch_op:
        batch_op.drop_index("ix_queued_card_id_till_id")

    op.drop_table("queued")
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_conflict_resolved"))

    op.drop_table("conflict")
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.drop_index("ix_shift_till_id_started")
        batch_op.drop_index(batch_op.f("ix_shift_staff_id"))
        batch_op.drop_index(
            "ix_shift_open", sqlite_where=sa.text("ended IS NULL"), postgresql_where=sa.text("ended IS NULL")
        )

    op.drop_table("shift")
    with op.batch_alter_table("passkey", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_passkey_staff_id"))

    op.drop_table("passkey")
    op.drop_table("till")


def _guard_actions() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER action_no_{verb.lower()} BEFORE {verb} ON action "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_action_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER action_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON action "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_action_change()"
    )


def _unguard_actions() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER action_no_{verb}")
        return
    op.execute("DROP TRIGGER action_guard ON action")
    op.execute("DROP FUNCTION refuse_action_change()")
