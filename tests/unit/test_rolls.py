"""A file as somebody's program wrote it, read as what it says of members, or refused with the place and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from passes.definition import Definition
from passes.errors import BadInput
from passes.rolls import columns, sheet
from passes.rolls.entries import Entry, Mistake, Reader, escaped, unescaped
from tests.corpora.csv_files import FILES, FORMULAS, HEADER, ROWS
from tests.home import PROGRAMME

CREDIT = {"key": "credit", "kind": "money", "name": {"en": "credit"}}
CAFE = Definition.model_validate(PROGRAMME.model_dump(mode="json") | {"units": [CREDIT]})


def read(folder: Path, content: bytes | str, **given: str) -> list[Entry | Mistake]:
    file = folder / "members.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    opened = sheet.opened(file)
    reader = Reader(columns.assigned(opened.header, given, CAFE), len(opened.header), CAFE, "PL")
    return [reader.read(line, cells) for line, cells in opened.rows()]


@pytest.mark.parametrize("row, field, says", ROWS, ids=[f"{n}-{row[1]}" for n, row in enumerate(ROWS)])
def test_a_wrong_row_is_named_by_line_and_field(tmp_path: Path, row: str, field: str, says: str) -> None:
    good, wrong = read(tmp_path, f"{HEADER}\nc-0;;Zofia;;;;;;120;\n{row}\n")
    assert isinstance(good, Entry) and good.balances == {"points": 120}
    assert isinstance(wrong, Mistake) and (wrong.line, wrong.field) == (3, field) and says in wrong.sentence


@pytest.mark.parametrize("content, says", FILES, ids=range(len(FILES)))
def test_a_file_that_is_no_roll_is_refused_whole(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read(tmp_path, content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "cp1250"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_any_spreadsheet_s_file_is_read(tmp_path: Path, encoding: str, delimiter: str, ends: str) -> None:
    polish = [["identyfikator", "imię i nazwisko", "punkty"], ["c-1", "Małgorzata Wójcik, Łódź", "120"]]
    russian = [["Код клиента", "ФИО", "Баллы"], ["c-1", "Алёна Ёлкина; Орёл", "1 200"]]
    rows = russian if encoding == "cp1251" else polish
    quoted = [[f'"{cell}"' if delimiter in cell else cell for cell in row] for row in rows]
    (entry,) = read(tmp_path, "".join(delimiter.join(row) + ends for row in quoted).encode(encoding))
    assert isinstance(entry, Entry)
    assert (entry.external_id, entry.name) == ("c-1", rows[1][1])
    assert entry.balances == {"points": int(rows[1][2].replace(" ", ""))}


def test_a_column_is_what_one_says_it_is(tmp_path: Path) -> None:
    content = "Клиент №;Остаток\nc-1;5\n"
    (entry,) = read(tmp_path, content, **{"Клиент №": "external_id"})
    assert isinstance(entry, Entry) and (entry.external_id, entry.balances) == ("c-1", {"points": 5})
    with pytest.raises(BadInput, match="no column"):
        read(tmp_path, content, Клиент="external_id")
    with pytest.raises(BadInput, match="A column is one of"):
        read(tmp_path, content, **{"Клиент №": "password"})


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_cell_shown_as_text_is_read_as_it_was(formula: str) -> None:
    assert escaped(formula).startswith("'")
    assert unescaped(escaped(formula)) == formula
    assert unescaped(escaped(escaped(formula))) == escaped(formula)


@pytest.mark.parametrize("plain", ["Anna", "O'Hara", "'t Hart", "12.50", "a=b", ""])
def test_what_is_no_formula_stays_as_it_is(plain: str) -> None:
    assert escaped(plain) == unescaped(plain) == plain
