"""Names of people and groups: what equal-looking ones share, and what none may hold."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from app.access.names import MAX_NAME, checked_name, name_key
from app.errors import BadRequest

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@given(st.text(max_size=300))
@example("Ａnna")
@example("李\u200b雷")
@example("a\u202egpj")
@example("\u3164")
def test_a_name_is_either_refused_or_shown_as_it_was_given(name: str) -> None:
    try:
        shown, key = checked_name(name, "user")
    except BadRequest:
        return
    assert shown == name
    assert 0 < len(name) <= MAX_NAME
    assert name == name.strip()
    assert key
    assert not [each for each in name if unicodedata.category(each) in HIDDEN]


@given(st.text(max_size=100))
@example("ǰ")
@example("ΐ")
def test_names_that_differ_in_case_or_width_alone_are_one(name: str) -> None:
    key = name_key(name)
    assert name_key(key) == key
    for other in (name.upper(), name.lower(), unicodedata.normalize("NFKC", name)):
        if unicodedata.normalize("NFKC", other.casefold()) == unicodedata.normalize("NFKC", name.casefold()):
            assert name_key(other) in (key, "")
