"""What all of a manager's pages share: who may see them, and in which words they speak."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from ... import conflicts
from ..current import service
from ..login.backstage import guard, show, words

manage = Blueprint("manage", __name__, url_prefix="/staff/manage")
guard(manage, ("manager", "owner"))


def page(template: str, here: str, **names: Any) -> str:
    """One of these pages; `here` names it in the menu, which says how many conflicts wait."""
    with service().store.reading() as tx:
        unsettled = conflicts.waiting(tx)
    return show(f"staff/manage/{template}.html", here=here, unsettled=unsettled, **names)


def why(code: str) -> str:
    """Why something was not counted, for a manager; else as the person at the till was told."""
    said = words()
    keys = (f"manage.why.{code}", f"refused.{code}")
    return said.say(next((key for key in keys if said.has(key)), "manage.why.other"))


def moment(at: int | None) -> str:
    return words().moment(at, service().settings.zone) if at is not None else ""
