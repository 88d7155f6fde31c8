"""``touchstone index``: the indexes, which can be built again from the database at any time."""

from pathlib import Path

import click

from app.cli.caring import caring, steps
from app.cli.options import config_option, settings_for


@click.group()
def index() -> None:
    """Care for the indexes."""


@index.command()
@click.argument("collection", required=False)
@config_option
def rebuild(collection: str | None, config: Path | None) -> None:
    """Build the vector and word index of COLLECTION, or of all, again from the database.

    Nothing is embedded and no file is read. The old indexes answer questions until the new ones are there.
    """
    with caring(settings_for(config)) as (care, _), steps() as step:
        done = care.rebuild(collection, step)
    click.echo(f"rebuilt the indexes of {len(done)} collections: {', '.join(map(repr, done)) or 'none'}")
