"""A bare Flask application: a handler with one INSERT and one COMMIT, on the product's web server."""

from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import insert, select
from waitress import serve

from app.config import Config
from app.server import options
from bench.peers import one_update
from bench.peers.rows import connect, rows

MET = 9.0

app = Flask(__name__)
engine = connect()


@app.get("/healthz")
def healthz() -> str:
    """It lives."""
    return "ok"


@app.post("/rows")
def create() -> ResponseReturnValue:
    """Keep what was sent."""
    return jsonify(id=_insert(request.get_json())), 201


@app.post("/submits")
def submit() -> ResponseReturnValue:
    """Keep what was sent, and have a worker count its calories."""
    sent = request.get_json()
    row_id = _insert(sent)
    one_update.count_calories.send(row_id, str(MET), str(sent["weight_kg"]), sent["duration_min"] * 60)
    return jsonify(id=row_id), 201


@app.get("/rows/<int:row_id>")
def show(row_id: int) -> ResponseReturnValue:
    """One row."""
    with engine.connect() as connection:
        row = connection.execute(select(rows).where(rows.c.id == row_id)).one()
    return jsonify(row._asdict())


def _insert(sent: Any) -> int:
    with engine.begin() as connection:
        made = connection.execute(
            insert(rows).values(
                kind=sent["kind"],
                met=MET,
                weight_kg=sent["weight_kg"],
                duration_s=sent["duration_min"] * 60,
                started_at=sent["started_at"],
                notes=sent["notes"],
            )
        )
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])


if __name__ == "__main__":
    serve(app, **options(Config.from_env()))
