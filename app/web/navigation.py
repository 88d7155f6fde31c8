"""The pages that somebody may open: those that exist, as far as the one table of rules lets him."""

from app.access.principal import Principal
from app.access.rules import RULES

ENTRIES = (
    ("chat", "/"),
    ("documents", "/documents"),
    ("assistants", "/assistants"),
    ("search", "/search"),
    ("rerank", "/rerank-playground"),
    ("evaluation", "/evaluation"),
    ("gaps", "/gaps"),
    ("people", "/people"),
    ("monitoring", "/monitoring"),
)
"""The main navigation in its order: the name of each page's sentence and its address."""


def entries_for(principal: Principal | None) -> tuple[tuple[str, str], ...]:
    """Name and address of each page he may open; none before somebody has signed in."""
    if principal is None:
        return ()
    rules = ((entry, RULES.get(("GET", entry[1]))) for entry in ENTRIES)
    return tuple(entry for entry, rule in rules if rule is not None and not rule.lacks(principal))
