"""``touchstone audit``: who did what, and whether the log is whole."""

import sys
from pathlib import Path

import click
from rich.table import Table

from app.cli.accounts import accounts_of
from app.cli.options import config_option, console, settings_for, shown_time
from app.storage.audit import AuditEntry

LISTED = 50


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def audit(context: click.Context, config: Path | None) -> None:
    """List the audit log, or check that nothing in it was changed."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_entries)


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=LISTED, show_default=True)
@click.option("--before", type=click.IntRange(min=0), default=0, help="Only entries with a smaller number.")
@click.option("--user", help="Only what this user did.")
@click.option("--action", default="", help="Only this, such as sign_in or grant_set.")
@click.pass_obj
def list_entries(
    config: Path | None, limit: int = LISTED, before: int = 0, user: str | None = None, action: str = ""
) -> None:
    """List entries, newest first."""
    with accounts_of(settings_for(config)) as opened:
        actor = "" if user is None else opened.accounts.users.named(user).id
        found = opened.accounts.audit.page(before=before, limit=limit, actor=actor, action=action)
    table = Table("entry", "when", "who", "by", "from", "action", "target", "result", "details")
    for each in found:
        table.add_row(*_row(each))
    console().print(table, markup=False)
    if len(found) == limit:
        click.echo(f"(older entries: --before {found[-1].seq})")


@audit.command("verify")
@click.option("--digest", help="A digest noted earlier: one of the entries must have it.")
@click.pass_obj
def verify(config: Path | None, digest: str | None) -> None:
    """Read the whole log and check that no entry was changed, taken out or put in; exit code 1 if one was.

    Note the digest it prints somewhere else: who can write the database could make a whole new log, but not
    one that holds this digest.
    """
    with accounts_of(settings_for(config)) as opened:
        found = opened.accounts.audit.verify()
        held = digest is None or opened.accounts.audit.holds(digest)
    if found.broken_at:
        click.echo(f"BROKEN: {found.reason}; {found.entries} entries before it fit together")
    elif not held:
        click.echo(f"BROKEN: no entry has the digest {digest}; the log is not the one it was noted of")
    else:
        click.echo(f"{found.entries} entries fit together; the last has the digest {found.digest}")
    sys.exit(1 if found.broken_at or not held else 0)


def _row(entry: AuditEntry) -> tuple[str, ...]:
    details = " ".join(f"{name}={value}" for name, value in entry.details.items())
    who = entry.actor_name or "(nobody)"
    return (
        str(entry.seq), shown_time(entry.at), who, entry.via, entry.address, entry.action, entry.target,
        entry.result, details,
    )  # fmt: skip
