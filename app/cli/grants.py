"""``touchstone grants``: who may do how much with which knowledge base."""

from pathlib import Path

import click
from rich.table import Table

from app.access.accounts import Accounts
from app.access.principal import LEVELS, LOCAL, Level
from app.cli.accounts import accounts_of
from app.cli.options import config_option, console, settings_for, shown_time
from app.errors import BadRequest
from app.storage.grants import Grantee

user_option = click.option("--user", help="The user of this name.")
group_option = click.option("--group", help="The group of this name.")


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def grants(context: click.Context, config: Path | None) -> None:
    """List, set or remove what users and groups may do with a collection."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_grants)


@grants.command("list")
@click.option("--collection", help="Only this one.")
@click.pass_obj
def list_grants(config: Path | None, collection: str | None = None) -> None:
    """List grants. An admin needs none, and a viewer reads, whatever his grant says."""
    with accounts_of(settings_for(config)) as opened:
        if collection is None:
            found = opened.accounts.grants.all(LOCAL)
        else:
            found = opened.accounts.grants.of(LOCAL, opened.collections.named(collection).id)
        table = Table("collection", "user or group", "name", "may", "since")
        for each in found:
            since = shown_time(each.granted_at)
            table.add_row(each.collection, each.grantee.kind, each.name, each.level, since)
    console().print(table, markup=False)


@grants.command("set")
@click.argument("collection")
@click.argument("level", type=click.Choice(LEVELS))
@user_option
@group_option
@click.pass_obj
def set_grant(
    config: Path | None, collection: str, level: Level, user: str | None, group: str | None
) -> None:
    """Let a user or a group read, write or manage a collection, in place of what they might before."""
    with accounts_of(settings_for(config)) as opened:
        found, grantee = opened.collections.named(collection), _grantee(opened.accounts, user, group)
        opened.accounts.grants.set(LOCAL, found.id, grantee, level)
        if grantee.kind == "user":
            holder = opened.accounts.users.principal(grantee.id)
            if not holder.may(found.id, level):
                may = holder.level(found.id)
                click.echo(f"note: the role {holder.role} lets {holder.name!r} {may} and no more")
    click.echo(f"{grantee.kind} {user or group!r} may {level} {found.name!r}")


@grants.command("remove")
@click.argument("collection")
@user_option
@group_option
@click.pass_obj
def remove(config: Path | None, collection: str, user: str | None, group: str | None) -> None:
    """Take a grant back."""
    with accounts_of(settings_for(config)) as opened:
        found, grantee = opened.collections.named(collection), _grantee(opened.accounts, user, group)
        opened.accounts.grants.remove(LOCAL, found.id, grantee)
    click.echo(f"{grantee.kind} {user or group!r} has no grant on {found.name!r} any more")


def _grantee(accounts: Accounts, user: str | None, group: str | None) -> Grantee:
    if user is not None and group is None:
        return Grantee("user", accounts.users.named(user).id)
    if group is not None and user is None:
        return Grantee("group", accounts.groups.named(group).id)
    raise BadRequest("give --user or --group, one of them")
