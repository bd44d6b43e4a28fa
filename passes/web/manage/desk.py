"""What all of a manager's pages share: who may see them, and the way a right is asked for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from ... import rights
from ..current import service
from ..login.backstage import guard, presence, show, words

manage = Blueprint("manage", __name__, url_prefix="/staff/manage")
guard(manage, ("manager", "owner"))


def need(*whats: str) -> None:
    """Go on only with these rights; what changes something asks in `attempt`."""
    rights.require(presence(), whats)


def page(template: str, here: str, **names: Any) -> str:
    """One of these pages; `here` names it in the menu."""
    return show(f"staff/manage/{template}.html", here=here, **names)


def moment(at: int | None) -> str:
    return words().moment(at, service().settings.zone) if at is not None else ""
