"""Who may change what belongs to others."""

from app.access.principal import Principal
from app.errors import Forbidden


def administers(by: Principal) -> bool:
    """Whether he is an admin, and did not come with an API key for something else."""
    return by.role == "admin" and "admin" in by.uses


def require_admin(by: Principal) -> None:
    """Raise ``Forbidden`` unless he administers."""
    if not administers(by):
        raise Forbidden("this needs the role admin")


def may_end(by: Principal, owner: str) -> bool:
    """Whether he may end a session or key of that owner: his own after signing in, or as an admin any."""
    return administers(by) or (by.id == owner and not by.key)
