"""``touchstone backup`` and ``touchstone restore``: everything that cannot be made again, in one file."""

import sys
from pathlib import Path

import click

from app.care.archive import Manifest, to_tar
from app.care.questions import Verified, ask_again
from app.care.restore import restore as restore_into
from app.care.writing import beside, require_room, take_out, write_file, write_folder
from app.catalogue import say
from app.cli.caring import caring, steps
from app.cli.options import config_option, loaded, opened, profile_option, settings_for

SHOWN = 10


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
@config_option
def backup(target: Path, config: Path | None) -> None:
    """Write database and uploaded files to TARGET: an archive where it ends in .tar, else a folder.

    Works while a server runs. The indexes are left out: they are built again from the database. The exit code
    is 1 where files were missing already; the backup holds all that was there.
    """
    target = target.absolute()
    with beside(target) as part:
        with caring(settings_for(config)) as (care, _), steps() as step, care.backup(step) as archive:
            require_room(target.parent, archive.size_bytes)
            if target.suffix == ".tar":
                write_file(to_tar(archive.members), part)
            else:
                write_folder(archive.members, part)
        with steps() as step:
            manifest = take_out(part, step=step)
    click.echo(f"wrote {target}: {_holding(manifest)}")
    if manifest.lacking:
        click.echo(
            f"{len(manifest.lacking)} uploaded files were missing or damaged before and are not in it; "
            "`touchstone doctor` names them",
            err=True,
        )
        sys.exit(1)


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--to", "data_dir", type=click.Path(path_type=Path), required=True, help="A new or empty directory."
)
@click.option("--verify", is_flag=True, help="Ask saved questions again and compare what is cited.")
@profile_option
@config_option
def restore(source: Path, data_dir: Path, verify: bool, profile: str | None, config: Path | None) -> None:
    """Put the backup SOURCE into a new data directory, after every byte of it has been checked.

    The indexes are built again, nothing is embedded. With --verify the exit code is 1 where an answer cites
    something else than it did.
    """
    settings = settings_for(config, profile).model_copy(update={"data_dir": data_dir.expanduser().absolute()})
    with steps() as step:
        manifest = restore_into(source, settings.data_dir, step)
    click.echo(f"restored {settings.data_dir}: {_holding(manifest)}, backup of {manifest.made_at}")
    for sha256 in manifest.lacking[:SHOWN]:
        click.echo(f"was missing when the backup was made: file {sha256}", err=True)
    with opened(settings) as services:
        for notice in (*services.build_words(), *services.build_index()):
            click.echo(say(notice, "en"))
    if verify:
        with loaded(settings) as services, steps() as step:
            verified = ask_again(services, step)
        _tell(verified)
        sys.exit(1 if verified.different else 0)


def _holding(manifest: Manifest) -> str:
    counts = manifest.counts
    files = len(manifest.entries) - 1
    return (
        f"{counts['collection']} collections, {counts['document']} documents, {counts['chunk']} chunks, "
        f"{files} files, {sum(each.size for each in manifest.entries):,} bytes"
    )


def _tell(verified: Verified) -> None:
    same = verified.asked - len(verified.different)
    click.echo(f"saved questions: {verified.asked} asked again, {same} cite what they cited")
    if verified.skipped:
        click.echo(
            f"{verified.skipped} not compared: they cited nothing, their quotes had changed before, or other "
            "models answered them"
        )
    for each in verified.different[:SHOWN]:
        click.echo(f"differs: {each.question}")
        for word, cited in (("then", each.then), ("now ", each.now)):
            for document, quote in cited:
                click.echo(f"  {word} {document}: {quote}")
            if not cited:
                click.echo(f"  {word} nothing cited")
    if len(verified.different) > SHOWN:
        click.echo(f"({len(verified.different) - SHOWN} more that differ are not listed)")
