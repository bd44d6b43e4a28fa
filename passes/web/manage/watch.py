"""What is worth a look: a sentence for each sign, with the person, the card and when."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ... import watch
from ...store import tables as t
from ...watch import Hours
from ..current import service
from ..login.backstage import words
from ..staff.attempt import need
from .desk import manage, moment, page

MOST_SHOWN = 100


@manage.get("/watch")
def signs() -> Any:
    need("watch")
    here, said = service(), words()
    rules = here.settings.till
    with here.store.reading() as tx:
        deeds, own = watch.read(tx, here.now)
        found = watch.signs(deeds, own, Hours(rules.opens, rules.closes, here.settings.zone))[:MOST_SHOWN]
        people = {row.id: row for row in tx.execute(select(t.Staff.id, t.Staff.name, t.Staff.email)).all()}
        ids = {sign.card for sign in found if sign.card is not None}
        which = select(t.Card.id, t.Card.number, t.Card.serial).where(t.Card.id.in_(ids))
        cards = {row.id: row for row in tx.execute(which).all()}
    told = []
    for sign in found:
        person = people[sign.staff]
        sentence = said.say(f"watch.{sign.kind}", n=sign.n, person=person.name or person.email.partition("@")[0])
        told.append((sign, sentence, moment(sign.at), cards.get(sign.card or 0)))
    return page("watch", "watch", signs=told)
