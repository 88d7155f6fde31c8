"""``python -m app.access.table``: every route and what it needs, as ``app/docs/routes.md`` shows it."""

from app.access.principal import ROLES
from app.access.rules import RULES, Rule

HEAD = """# Routes, and who may use them

Written by `python -m app.access.table > app/docs/routes.md` from the one table that is asked before every
route (`app/access/rules.py`). A test holds both together, and another calls every route as everybody.
What is not visible answers 404. Conversations, messages, answers, feedback, sessions and keys are their
owner's alone, also towards an admin.

- **nobody**: without signing in. **viewer, editor, admin**: roles; each may what those before it may.
- **on the collection**: what must be granted there (an admin may manage all; a viewer only ever reads).
- **key for**: what an API key must be for; `no key` where somebody must have signed in.

| route | nobody | viewer | editor | admin | on the collection | key for |
|---|---|---|---|---|---|---|
"""


def table() -> str:
    """The whole file."""
    rows = (_row(method, path, rule) for (method, path), rule in RULES.items())
    ordered = sorted(rows, key=lambda row: row[0].split()[::-1])
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in ordered)


def _row(method: str, path: str, rule: Rule) -> tuple[str, ...]:
    roles = ["yes" if rule.open or ROLES.index(role) >= ROLES.index(rule.role) else "" for role in ROLES]
    key = "no key" if rule.person else rule.use or ("" if rule.open else "anything")
    return (f"`{method} {path}`", "yes" if rule.open else "", *roles, rule.level or "", key)


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - what it is for
