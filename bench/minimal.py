"""The least that could be called a web service with a database: what ours is weighed against."""

from __future__ import annotations

import os

from flask import Flask, jsonify
from sqlalchemy import create_engine, text


def application() -> Flask:
    app = Flask("minimal")
    engine = create_engine(os.environ["BENCH_MINIMAL"])

    @app.get("/health")
    def health():  # type: ignore[no-untyped-def]
        with engine.connect() as connection:
            return jsonify(cards=connection.execute(text("SELECT count(*) FROM programme")).scalar())

    return app
