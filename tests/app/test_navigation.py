"""The main navigation leads to pages that exist, and only where somebody may go."""

from dataclasses import replace
from typing import get_args

import pytest

from app.access.principal import LOCAL, Role
from app.access.rules import RULES
from app.web.navigation import ENTRIES, entries_for
from app.web.translate import Translations


def test_nobody_is_led_anywhere_before_signing_in() -> None:
    assert entries_for(None) == ()


@pytest.mark.parametrize("role", get_args(Role))
def test_each_entry_is_a_page_that_the_role_may_open(role: Role) -> None:
    person = replace(LOCAL, role=role)
    shown = entries_for(person)
    assert ("chat", "/") in shown
    for entry in ENTRIES:
        rule = RULES.get(("GET", entry[1]))
        assert (entry in shown) == (rule is not None and not rule.lacks(person)), entry


def test_an_admin_is_shown_no_less_than_a_viewer() -> None:
    assert set(entries_for(replace(LOCAL, role="viewer"))) <= set(entries_for(LOCAL))


def test_each_entry_has_its_word() -> None:
    assert {f"page.navigation.{name}" for name, _ in ENTRIES} <= Translations.load().keys("en")
