"""The history of the tables, for Alembic; run by `passes db upgrade`."""
