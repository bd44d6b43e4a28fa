"""The update tag: whatever changed between two looks is listed at the second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.wallets.apple import tags
from tests.corpora.phones import TAGS

serials = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=22)
looks = st.dictionaries(serials, st.integers(1, 10**8), max_size=12)
changes = st.dictionaries(serials, st.integers(1, 1000), max_size=6)


@given(looks)
def test_nothing_changed_says_nothing(look: dict[str, int]) -> None:
    assert tags.changed(tags.write(look), look) == _alike(look)


@given(looks, changes, st.sets(serials, max_size=4))
def test_exactly_what_changed_is_listed(look: dict[str, int], more: dict[str, int], gone: set[str]) -> None:
    now = {serial: revision for serial, revision in look.items() if serial not in gone}
    now |= {serial: look.get(serial, 0) + by for serial, by in more.items()}
    listed = set(tags.changed(tags.write(look), now))
    assert listed == set(more) | set(_alike(now)) | (set(_alike({**look, **now})) & listed)


@given(looks)
def test_a_card_that_went_back_is_listed_too(look: dict[str, int]) -> None:
    """As after a backup was restored: different is enough, greater is not asked for."""
    before = {serial: revision + 7 for serial, revision in look.items()}
    assert tags.changed(tags.write(before), look) == list(look)


@given(looks, st.data())
def test_a_later_tag_is_a_greater_number(look: dict[str, int], data: st.DataObject) -> None:
    if look:
        serial = data.draw(st.sampled_from(sorted(look)))
        assert int(tags.write({**look, serial: look[serial] + 1})) > int(tags.write(look))


@given(looks)
def test_a_tag_is_digits_and_short_enough_for_an_address(look: dict[str, int]) -> None:
    tag = tags.write(look)
    assert tag.isascii() and tag.isdigit()
    assert len(tag) <= tags.MOST_DIGITS < 8000


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: ascii(tag[:20]))
def test_a_tag_that_is_not_ours_is_no_tag(tag: str) -> None:
    assert tags.changed(tag, {"a": 1, "b": 2}) == ["a", "b"]


@given(st.text())
def test_no_text_breaks_it(tag: str) -> None:
    assert set(tags.changed(tag, {"a": 1})) <= {"a"}


def test_no_tag_lists_everything() -> None:
    assert tags.changed(None, {"a": 1, "b": 2}) == ["a", "b"]


def test_a_full_phone_has_a_tag_that_is_understood() -> None:
    look = {f"serial-{n}": n + 1 for n in range(tags.MOST_CARDS)}
    assert tags.changed(tags.write(look), look | {"serial-5": 99}) == ["serial-5", *_alike(look)]


def _alike(look: dict[str, int]) -> list[str]:
    """Serial numbers that the tag cannot tell apart: they are listed each time, never left out."""
    shorts = [tags._short(serial) for serial in look]
    return [serial for serial, short in zip(look, shorts, strict=True) if shorts.count(short) > 1]
