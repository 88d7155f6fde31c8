"""``touchstone groups``: people who are granted things together."""

from pathlib import Path

import click
from rich.table import Table

from app.access.principal import LOCAL
from app.cli.accounts import accounts_of
from app.cli.options import config_option, console, settings_for


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def groups(context: click.Context, config: Path | None) -> None:
    """List, make, fill or delete groups."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_groups)


@groups.command("list")
@click.pass_obj
def list_groups(config: Path | None) -> None:
    """List every group with its members."""
    with accounts_of(settings_for(config)) as opened:
        table = Table("group", "members")
        for each in opened.accounts.groups.all():
            members = ", ".join(user.name for user in opened.accounts.groups.members(each.id))
            table.add_row(each.name, members)
    console().print(table, markup=False)


@groups.command("create")
@click.argument("name")
@click.pass_obj
def create(config: Path | None, name: str) -> None:
    """Make a group."""
    with accounts_of(settings_for(config)) as opened:
        made = opened.accounts.groups.add(LOCAL, name)
    click.echo(f"made group {made.name!r}")


@groups.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(config: Path | None, name: str, yes: bool) -> None:
    """Delete a group with its grants; its members stay users."""
    with accounts_of(settings_for(config)) as opened:
        groups = opened.accounts.groups
        group = groups.named(name)
        if not yes:
            asked = f"Delete group {group.name!r} ({group.members} members) and its grants?"
            click.confirm(asked, abort=True)
        groups.remove(LOCAL, group.id)
    click.echo(f"deleted group {group.name!r}")


@groups.command("add")
@click.argument("group")
@click.argument("user")
@click.pass_obj
def add(config: Path | None, group: str, user: str) -> None:
    """Put a user into a group."""
    with accounts_of(settings_for(config)) as opened:
        found, member = opened.accounts.groups.named(group), opened.accounts.users.named(user)
        opened.accounts.groups.add_member(LOCAL, found.id, member.id)
    click.echo(f"user {member.name!r} is in group {found.name!r}")


@groups.command("remove")
@click.argument("group")
@click.argument("user")
@click.pass_obj
def remove(config: Path | None, group: str, user: str) -> None:
    """Take a user out of a group."""
    with accounts_of(settings_for(config)) as opened:
        found, member = opened.accounts.groups.named(group), opened.accounts.users.named(user)
        opened.accounts.groups.remove_member(LOCAL, found.id, member.id)
    click.echo(f"user {member.name!r} is not in group {found.name!r} any more")
