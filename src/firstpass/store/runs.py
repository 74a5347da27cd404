"""Runs: what was started with which settings, how it ended, and what it counted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, update

from firstpass.errors import UsageError
from firstpass.store import schema
from firstpass.store.codec import dump, load, now, unpack_time
from firstpass.store.connect import Database

RunStatus = Literal["running", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a stage. status "running" with no living process means it was killed. settings, stats: JSON values."""

    id: str
    kind: str
    status: RunStatus
    settings: Mapping[str, Any]
    stats: Mapping[str, Any]
    started_at: datetime
    finished_at: datetime | None


class Runs:
    """The record of runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, kind: str, settings: Mapping[str, Any]) -> str:
        """Notes that a run of this kind ("prelabel", "trial", …) began; its id, 12 hex digits. settings must be JSON values."""
        t = schema.runs
        run_id = secrets.token_hex(6)
        packed = _packed("settings", settings)
        with self._database.writing() as connection:
            seq = (connection.execute(select(func.max(t.c.seq))).scalar() or 0) + 1
            row = {"seq": seq, "id": run_id, "kind": kind, "status": "running", "settings": packed, "stats": "{}"}
            connection.execute(t.insert(), {**row, "started_at": now()})
        return run_id

    def finish(self, run_id: str, status: Literal["done", "stopped", "failed"], stats: Mapping[str, Any]) -> None:
        """Notes how the run ended. Raises UsageError for a run that was never started."""
        t = schema.runs
        values = {"status": status, "stats": _packed("stats", stats), "finished_at": now()}
        with self._database.writing() as connection:
            if connection.execute(update(t).where(t.c.id == run_id).values(**values)).rowcount == 0:
                raise UsageError(f"no run is called {run_id!r}")

    def all(self) -> list[Run]:
        """Every run, oldest first."""
        t = schema.runs
        query = select(t.c.id, t.c.kind, t.c.status, t.c.settings, t.c.stats, t.c.started_at, t.c.finished_at).order_by(t.c.seq)
        with self._database.reading() as connection:
            rows = connection.execute(query).fetchall()
        return [
            Run(r[0], r[1], r[2], load(r[3]), load(r[4]), unpack_time(r[5]), None if r[6] is None else unpack_time(r[6]))
            for r in rows
        ]


def _packed(what: str, values: Mapping[str, Any]) -> str:
    try:
        return dump(dict(values))
    except (TypeError, ValueError) as error:
        raise UsageError(f"a run's {what} must be JSON values (text, numbers, lists, mappings): {error}") from error
