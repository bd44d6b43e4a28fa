"""A shop brings its members out of another system, twice because people do, and takes them away again."""

from __future__ import annotations

import csv
import io
import stat
from pathlib import Path

import pytest
from sqlalchemy import event

from passes import create_app
from passes.rolls import moving, writing
from tests.corpora.csv_files import FORMULAS, HEADER
from tests.home import PROGRAMME, new_home
from tests.journeys.running import Ran, passes
from tests.shop_system import ShopSystem

CREDIT = {"key": "credit", "kind": "money", "name": {"en": "credit"}}
THREE = [
    "c-1;OLD-CARD-0001;Zofia Żółć;zofia@example.org;+48 600 100 200;pl;2019-05-17;5;120;12,50",
    "c-2;;Жора Ёлкин;;+48 600 100 201;ru;17.05.2020;17.05.1990;1 250;",
    "c-3;;Ann;ann@example.org;;english;;;0;0,05",
]


class Office:
    """Where somebody sits with files and a terminal."""

    def __init__(self, folder: Path, store_url: str | None = None) -> None:
        definition = PROGRAMME.model_dump(mode="json") | {"units": [CREDIT]}
        self.home = new_home(folder / "home", store_url=store_url)
        self.app = create_app(self.home)
        self.system = ShopSystem(self.app)
        answer = self.system.call("PUT", "/programmes/cafe", definition)
        assert answer.status_code == 200, answer.text

    def file(self, content: bytes | str, name: str = "members.csv") -> Path:
        path = self.home.parent / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def brings(self, content: bytes | str, *options: str) -> Ran:
        return passes("--home", self.home, "members", "import", self.file(content), *options)

    def takes_away(self) -> list[dict[str, str]]:
        said = passes("--home", self.home, "members", "export")
        assert said.code == 0 and said.said.startswith("\ufeff"), said.complained
        return list(csv.DictReader(io.StringIO(said.said.removeprefix("\ufeff"), newline=""), delimiter=";"))


@pytest.fixture
def office(tmp_path: Path, store_url: str) -> Office:
    return Office(tmp_path, store_url)


def test_members_come_with_what_they_hold_and_their_cards_go_on(office: Office) -> None:
    content = "\n".join([HEADER, *THREE])
    foreseen = office.brings(content)
    assert foreseen.code == 0 and "3 new members" in foreseen.said and "Nothing was changed" in foreseen.said
    assert office.takes_away() == []
    assert "3 lines are done" in office.brings(content, "--apply").said
    rows = office.takes_away()
    assert [(row["name"], row["balance:points"], row["balance:credit"]) for row in rows] == [
        ("Zofia Żółć", "120", "12.50"),
        ("Жора Ёлкин", "1250", "0.00"),
        ("Ann", "0", "0.05"),
    ]
    assert [row["language"] for row in rows] == ["pl", "ru", "en"]
    assert (rows[0]["serial"], rows[0]["joined"], rows[1]["birth_month"]) == ("OLD-CARD-0001", "2019-05-17", "5")
    assert office.system.get("/cards/OLD-CARD-0001").said["balances"] == {"points": 120, "credit": 1250}
    assert "✓ ledger: The ledger is whole: 4 postings" in passes("--home", office.home, "doctor").said


def test_the_same_file_twice_or_what_was_taken_away_changes_nothing(office: Office) -> None:
    content = "\n".join([HEADER, *THREE])
    office.brings(content, "--apply")
    before = office.takes_away()
    for again in (content, "\n".join([HEADER, *reversed(THREE)]), _written(before)):
        said = office.brings(again)
        assert "0 new members, 0 cards for known ones, 3 with nothing to do" in said.said, said.said
        assert office.brings(again, "--apply").code == 0
        assert office.takes_away() == before


def test_a_balance_comes_once_whatever_the_second_file_knows_them_by(office: Office) -> None:
    office.brings("email;points\nann@example.org;50\n", "--apply")
    office.brings("external_id;email;points\nc-9;Ann@Example.org;50\n", "--apply")
    assert [row["balance:points"] for row in office.takes_away()] == ["50"]
    another = office.brings("email;points\nann@example.org;51\n")
    assert "line 2\tbalance:points\tAnother balance came with an earlier roll" in another.said


def test_many_members_are_taken_away_in_as_few_statements_as_one(office: Office) -> None:
    here, asked = office.system.service, list[str]()
    event.listen(here.store.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))

    def statements() -> int:
        asked.clear()
        written = writing.write(here.store, here.members, moving.opened(here.store, "cafe"), io.StringIO())
        assert written == len(office.takes_away())
        return len(asked)

    office.system.joins(name="Ann", email="ann@example.org")
    alone = statements()
    assert alone > 0
    for number in range(5):
        office.system.joins(name=f"Member {number}", email=f"member-{number}@example.org")
    assert statements() == alone
    assert [row["email"] for row in office.takes_away()][1:] == [f"member-{n}@example.org" for n in range(5)]


def test_a_family_that_shares_a_telephone_stays_a_family(office: Office) -> None:
    content = "id;phone;points\na;600100200;1\nb;600100200;2\n"
    assert "2 lines are done" in office.brings(content, "--apply").said
    assert "2 with nothing to do" in office.brings(content).said
    alone = office.brings("phone;points\n600100300;1\n+48 600 100 300;2\n")
    assert "line 3\trow\tThis member is in the file already." in alone.said
    for mixed in ("a;600100400;1\n;600100400;2\n", ";600100400;1\na;600100400;2\n"):
        assert "line 3\trow\tThis member is in the file already." in office.brings(f"id;phone;points\n{mixed}").said


def test_who_joined_here_meanwhile_keeps_their_card(office: Office) -> None:
    joined = office.system.post("/members", {"programme": "cafe", "name": "Ann", "email": "ann@example.org"}).said
    said = office.brings("id;name;email;points\nc-1;Somebody;ANN@example.org;70\n", "--apply")
    assert "0 new members" in said.said and "1 lines are done" in said.said
    (row,) = office.takes_away()
    assert (row["serial"], row["name"], row["balance:points"]) == (joined["card"], "Ann", "70")


def test_good_lines_come_without_the_bad_ones_only_if_that_is_said(office: Office) -> None:
    content = "\n".join([HEADER, THREE[0], "c-7;;Bad;;;;;;five;", THREE[2]])
    refused = office.brings(content, "--apply")
    assert "line 3\tbalance:points\tA number such as 120" in refused.said
    assert refused.code == 1 and "1 lines are bad" in refused.complained
    assert office.takes_away() == []
    assert "2 lines are done" in office.brings(content, "--apply", "--skip-bad").said
    assert len(office.takes_away()) == 2


def test_no_cell_is_a_formula_for_whoever_opens_it(tmp_path: Path) -> None:
    office = Office(tmp_path)
    for number, formula in enumerate(FORMULAS):
        person = {"programme": "cafe", "name": formula.strip(), "external_id": f"f-{number}"}
        assert office.system.post("/members", person).status_code == 201
    rows = office.takes_away()
    names = [row["name"] for row in rows]
    assert len(names) == len(FORMULAS) and not any(name.lstrip()[0] in "=+-@＝＋－＠" for name in names)
    office_two = Office(tmp_path / "elsewhere")
    office_two.brings(_written(rows), "--apply")
    assert [row["name"] for row in office_two.takes_away()] == names


def test_a_file_of_members_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    desk = Office(tmp_path)
    path = tmp_path / "out.csv"
    said = passes("--home", desk.home, "members", "export", path)
    assert said.code == 0 and "keep it as you keep keys" in said.said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = passes("--home", desk.home, "members", "export", path)
    assert again.code == 1 and "File exists" in again.complained


def test_a_member_may_have_a_card_in_another_programme_too(office: Office) -> None:
    second = PROGRAMME.model_dump(mode="json") | {"key": "bakery", "units": [CREDIT]}
    assert office.system.post("/programmes", second).status_code == 201
    ann = office.system.post("/members", {"programme": "cafe", "name": "Ann", "birth_month": 5}).said["member"]
    address = f"/members/{ann}/cards"
    given = office.system.post(address, {"programme": "bakery"}, once="a")
    assert (
        given.status_code == 201
        and given.said["card"] == office.system.post(address, {"programme": "bakery"}, once="a").said["card"]
    )
    twice = office.system.post(address, {"programme": "bakery"}, once="b")
    assert (twice.status_code, twice.said["field"]) == (409, "programme")
    member = office.system.get(f"/members/{ann}").said
    assert given.said["card"] in member["cards"] and len(member["cards"]) == 2 and member["birth_month"] == 5
    adjusted = office.system.post(
        f"/cards/{given.said['card']}/adjustments", {"amount": 250, "unit": "credit", "reason": "Sorry"}, once="c"
    )
    assert adjusted.status_code == 201
    assert office.system.get(f"/cards/{given.said['card']}").said["balances"] == {"points": 0, "credit": 250}
    wrong = office.system.post(
        f"/cards/{given.said['card']}/adjustments", {"amount": 1, "unit": "stars", "reason": "Sorry"}, once="d"
    )
    assert (wrong.status_code, wrong.said["field"]) == (422, "unit")


def test_a_gift_card_brings_no_more_than_it_may_hold(office: Office) -> None:
    gift = {"key": "gift", "kind": "gift", "unit": "money", "name": {"en": "Gift"}, "look": "cafe"}
    promise = gift | {"earn": {"points": 0}, "gift": {"most": 10_000}}
    assert office.system.post("/programmes", promise).status_code == 201
    content = "email;money\nann@example.org;100,00\nben@example.org;100,01\n"
    foreseen = office.brings(content, "--programme", "gift")
    assert "line 3\tbalance:money\tA card of this programme holds at most 10000." in foreseen.said
    assert "1 balances (10000 money), 1 bad lines" in foreseen.said


def _written(rows: list[dict[str, str]]) -> str:
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, list(rows[0]), delimiter=";")
    table.writeheader()
    table.writerows(rows)
    return "\ufeff" + out.getvalue()
