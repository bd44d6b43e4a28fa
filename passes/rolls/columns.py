"""Which column of a roll is what: the names that people and other programs give them, in three languages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..definition import Definition
from ..errors import BadInput

FIELDS = ("external_id", "serial", "name", "email", "phone", "language", "joined", "birth_month", "balance")
_NAMES = {
    "external_id": (
        "externalid id customerid clientid memberid",
        "код кодклиента идентификатор idклиента",
        "idklienta identyfikator",
    ),
    "serial": (
        "serial serialnumber cardserial",
        "серийныйномер",
        "numerseryjny",
    ),
    "name": (
        "name fullname membername customer",
        "имя фио клиент имяклиента",
        "imię imie imięinazwisko imieinazwisko nazwa klient",
    ),
    "email": (
        "email mail emailaddress",
        "почта электроннаяпочта адресэлектроннойпочты",
        "adresemail",
    ),
    "phone": (
        "phone telephone mobile phonenumber",
        "телефон мобильный номертелефона",
        "telefon numertelefonu komórka",
    ),
    "language": (
        "language lang locale",
        "язык",
        "język jezyk",
    ),
    "joined": (
        "joined joindate since registered",
        "датавступления датарегистрации",
        "datadołączenia datarejestracji",
    ),
    "birth_month": (
        "birthmonth birthday birthdate",
        "месяцрождения деньрождения датарождения",
        "miesiącurodzenia dataurodzenia",
    ),
    "balance": (
        "balance",
        "баланс остаток",
        "saldo stan",
    ),
}
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in " ".join(names).split()}
_HEADINGS = {
    "points": "points bonuses баллы балл бонусы punkty",
    "stamps": "stamps штампы pieczątki pieczatki",
    "visits": "visits визиты посещения wizyty",
}
_UNIT_OF = {name: unit for unit, names in _HEADINGS.items() for name in names.split()}


def assigned(header: Sequence[str], given: Mapping[str, str], definition: Definition) -> dict[int, str]:
    """The field of each column that is understood; a balance is named by its unit, as `balance:points`.

    `given` says it for a column by name: {"Клиент №": "external_id"}. Raises `BadInput` when two columns say the same.
    """
    missing = set(given) - set(header)
    if missing:
        raise BadInput(f"There is no column “{sorted(missing)[0][:60]}”.", field="map")
    fields: dict[int, str] = {}
    for place, heading in enumerate(header):
        field = _checked(given[heading], definition) if heading in given else _field(heading, definition)
        if field and field in fields.values():
            raise BadInput(f"Two columns are the {field}; say --map for one of them.", field=heading[:60])
        if field:
            fields[place] = field
    if not {"external_id", "serial", "email", "phone"} & set(fields.values()):
        raise BadInput(
            "No column tells one member from another: external_id, serial, email or phone; say which with --map.",
            field="file",
        )
    return fields


def _field(heading: str, definition: Definition) -> str | None:
    plain = re.sub(r"[\W_]", "", heading.casefold())
    if plain in units(definition):
        return f"balance:{plain}"
    if _UNIT_OF.get(plain) in units(definition):
        return f"balance:{_UNIT_OF[plain]}"
    field = _FIELD_OF.get(plain)
    return f"balance:{definition.unit}" if field == "balance" else field


def _checked(field: str, definition: Definition) -> str:
    unit = field.partition(":")[2] if field.startswith("balance:") else field
    if unit in units(definition):
        return f"balance:{unit}"
    if field == "balance":
        return f"balance:{definition.unit}"
    if field not in FIELDS:
        known = ", ".join((*FIELDS, *(f"balance:{unit}" for unit in units(definition))))
        raise BadInput(f"A column is one of {known}.", field="map")
    return field


def units(definition: Definition) -> tuple[str, ...]:
    return tuple(definition.kinds)
