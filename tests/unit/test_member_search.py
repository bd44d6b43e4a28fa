"""Finding members: every kind of question is answered by an index, so that a million members cost as much as ten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from passes import assemble
from passes.members import Person

from ..home import new_home


@pytest.mark.parametrize(
    "question", ["ann", "kow anna", "anna@example.org", "+48 600 100 200", "CRM-17", "400012345678"]
)
def test_no_question_reads_every_member(tmp_path: Path, question: str) -> None:
    here = assemble(new_home(tmp_path / "home", apple=False))
    asked: list[tuple[str, Any]] = []
    event.listen(here.store.engine, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
    with here.store.transaction() as tx:
        here.members.join(tx, "cafe", Person("pl", "Anna Kowalska", "anna@example.org", external_id="CRM-17"), here.now)
        asked.clear()
        here.members.search(tx, question, 0, 20)
        statement, values = asked[0]
        plan = [str(row[3]) for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    here.store.close()
    assert plan and not [step for step in plan if step.startswith("SCAN") or "rowid>" in step], plan
