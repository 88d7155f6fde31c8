"""``touchstone users``: people who may sign in."""

from pathlib import Path

import click
from rich.table import Table

from app.access.principal import LOCAL, ROLES, Role
from app.cli.accounts import accounts_of, read_password
from app.cli.options import config_option, console, settings_for, shown_time
from app.errors import BadRequest


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def users(context: click.Context, config: Path | None) -> None:
    """List, add, change or remove people who may sign in."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_users)


@users.command("list")
@click.pass_obj
def list_users(config: Path | None) -> None:
    """List everybody."""
    with accounts_of(settings_for(config)) as opened:
        table = Table("name", "role", "state", "groups", "added", "last sign-in")
        for each in opened.accounts.users.all():
            groups = ", ".join(group.name for group in opened.accounts.groups.of_user(each.id))
            last = "never" if each.signed_in_at is None else shown_time(each.signed_in_at)
            state = "active" if each.active else "disabled"
            table.add_row(each.name, each.role, state, groups, shown_time(each.created_at), last)
    console().print(table, markup=False)


@users.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@click.pass_obj
def add(config: Path | None, name: str, role: Role) -> None:
    """Add a user; the password is typed in, or one line of standard input. The first one is an admin."""
    with accounts_of(settings_for(config)) as opened:
        made = opened.accounts.users.add(LOCAL, name, role, read_password(name))
    click.echo(f"added user {made.name!r} ({made.role})")


@users.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@click.pass_obj
def set_role(config: Path | None, name: str, role: Role) -> None:
    """Give a user another role; his sessions end."""
    with accounts_of(settings_for(config)) as opened:
        users = opened.accounts.users
        changed = users.set_role(LOCAL, users.named(name).id, role)
    click.echo(f"user {changed.name!r} is {changed.role}")


@users.command("disable")
@click.argument("name")
@click.pass_obj
def disable(config: Path | None, name: str) -> None:
    """Let a user in no longer: his sessions end, his keys open nothing."""
    with accounts_of(settings_for(config)) as opened:
        users = opened.accounts.users
        changed = users.disable(LOCAL, users.named(name).id)
    click.echo(f"user {changed.name!r} is disabled")


@users.command("enable")
@click.argument("name")
@click.pass_obj
def enable(config: Path | None, name: str) -> None:
    """Let a user in again, his keys as well."""
    with accounts_of(settings_for(config)) as opened:
        users = opened.accounts.users
        changed = users.enable(LOCAL, users.named(name).id)
    click.echo(f"user {changed.name!r} is active")


@users.command("password")
@click.argument("name")
@click.pass_obj
def set_password(config: Path | None, name: str) -> None:
    """Give a user another password, typed in or one line of standard input; his sessions end."""
    with accounts_of(settings_for(config)) as opened:
        users = opened.accounts.users
        user = users.named(name)
        users.set_password(LOCAL, user.id, read_password(user.name))
    click.echo(f"user {user.name!r} has a new password")


@users.command("unlock")
@click.argument("name", required=False)
@click.option("--address", help="Of the machine people sign in from, instead of a name.")
@click.pass_obj
def unlock(config: Path | None, name: str | None, address: str | None) -> None:
    """Let a user, or whoever is at an address, sign in at once who would have to wait after failures."""
    if (name is None) == (address is None):
        raise BadRequest("give the name of a user or --address, one of them")
    with accounts_of(settings_for(config)) as opened:
        users = opened.accounts.users
        if address is not None:
            whose, forgiven = f"address {address!r}", users.unlock_address(LOCAL, address)
        else:
            user = users.named(name or "")
            whose, forgiven = f"user {user.name!r}", users.unlock(LOCAL, user.id)
    click.echo(f"{whose}: {'failures are forgiven' if forgiven else 'no sign-in had failed'}")


@users.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(config: Path | None, name: str, yes: bool) -> None:
    """Delete a user with his sessions, keys, memberships and grants, for good; `disable` can be undone."""
    with accounts_of(settings_for(config)) as opened:
        users = opened.accounts.users
        user = users.named(name)
        if not yes:
            click.confirm(f"Delete user {user.name!r} with his keys and grants for good?", abort=True)
        users.remove(LOCAL, user.id)
    click.echo(f"deleted user {user.name!r}")


@users.command("sessions")
@click.argument("name")
@click.option("--end", is_flag=True, help="End all of them.")
@click.pass_obj
def sessions(config: Path | None, name: str, end: bool) -> None:
    """List where a user is signed in, or end it."""
    with accounts_of(settings_for(config)) as opened:
        user = opened.accounts.users.named(name)
        if end:
            ended = opened.accounts.sessions.end_of(LOCAL, user.id)
            click.echo(f"user {user.name!r}: ended {ended} sessions")
            return
        table = Table("began", "last seen", "address", "browser")
        for each in opened.accounts.sessions.of(user.id):
            table.add_row(shown_time(each.created_at), shown_time(each.seen_at), each.address, each.agent)
    console().print(table, markup=False)
