"""``touchstone keys``: what programs send instead of a password."""

from pathlib import Path

import click
from rich.table import Table

from app.access.principal import LOCAL, USES, Use
from app.cli.accounts import accounts_of
from app.cli.options import config_option, console, settings_for, shown_time
from app.errors import BadRequest
from app.storage.api_keys import ApiKey

DAYS = 90.0


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def keys(context: click.Context, config: Path | None) -> None:
    """List, make or revoke API keys."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_keys)


@keys.command("list")
@click.option("--user", help="Only of this user.")
@click.pass_obj
def list_keys(config: Path | None, user: str | None = None) -> None:
    """List keys; what they open cannot be shown."""
    with accounts_of(settings_for(config)) as opened:
        names = opened.collections.names()
        if user is None:
            found = opened.accounts.keys.all()
        else:
            found = opened.accounts.keys.of(opened.accounts.users.named(user).id)
        table = Table("id", "name", "user", "for", "collections", "expires", "last used")
        for each in found:
            table.add_row(*_row(each, names))
    console().print(table, markup=False)


@keys.command("create")
@click.argument("name")
@click.option("--user", required=True, help="Whose rights it has.")
@click.option(
    "--for",
    "uses",
    type=click.Choice(sorted(USES)),
    multiple=True,
    required=True,
    help="Several may be given.",
)
@click.option("--collection", "collections", multiple=True, help="Only this one; several may be given.")
@click.option("--days", type=float, help=f"Until it expires (default: {DAYS:g}).")
@click.option("--never", is_flag=True, help="It does not expire.")
@click.pass_obj
def create(
    config: Path | None,
    name: str,
    user: str,
    uses: tuple[Use, ...],
    collections: tuple[str, ...],
    days: float | None,
    never: bool,
) -> None:
    """Make a key. It is the only line on standard output, and nobody can show it again."""
    if never and days is not None:
        raise BadRequest("give --days or --never, not both")
    with accounts_of(settings_for(config)) as opened:
        only = [opened.collections.named(each).id for each in collections] or None
        owner = opened.accounts.users.named(user)
        lasts = None if never else DAYS if days is None else days
        made = opened.accounts.keys.add(LOCAL, owner.id, name, uses, only=only, days=lasts)
    until = "never" if made.key.expires_at is None else shown_time(made.key.expires_at)
    click.echo(f"key {made.key.id} of {owner.name!r} (expires: {until}); keep it now:", err=True)
    click.echo(made.secret)


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@click.pass_obj
def revoke(config: Path | None, key_id: str) -> None:
    """End a key."""
    with accounts_of(settings_for(config)) as opened:
        gone = opened.accounts.keys.revoke(LOCAL, key_id)
    click.echo(f"key {gone.id} ({gone.name!r} of {gone.owner!r}) is revoked")


def _row(key: ApiKey, names: dict[str, str]) -> tuple[str, ...]:
    some = sorted(names.get(each, each) for each in key.only or ())
    collections = "all" if key.only is None else ", ".join(some) or "none left"
    expires = "never" if key.expires_at is None else shown_time(key.expires_at)
    used = "never" if key.used_at is None else shown_time(key.used_at)
    return key.id, key.name, key.owner, " ".join(sorted(key.uses)), collections, expires, used
