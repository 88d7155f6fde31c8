"""``touchstone bench files`` and ``bench ocr``: what comes out of files that are hard to read."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
from rich.table import Table

from app.bench.machine import write_result
from app.bench.manifest import examine, read_manifest, report
from app.bench.ocr_errors import pairs, read_scan, summary
from app.cli.options import config_option, console, settings_for
from app.settings import CHECKOUT
from ingest.scans import is_installed

BASELINES = CHECKOUT / "data" / "baselines"
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
RESULT = click.Path(path_type=Path, dir_okay=False)


@click.command("files")
@click.argument("folder", type=FOLDER)
@click.option("--output", type=RESULT, help="Result file.")
@config_option
def files(folder: Path, output: Path | None, config: Path | None) -> None:
    """Files made to break parsers: does each of FOLDER do what its manifest.tsv says?

    Ends with exit code 1 where one does not.
    """
    settings = settings_for(config).ingest
    with_ocr = settings.ocr == "auto" and is_installed()
    found = tuple(examine(folder, row, settings) for row in read_manifest(folder))
    table = Table("file", "expected", "found", "pages", "characters", "seconds", "as it should be")
    for each in found:
        numbers = (str(each.pages), str(each.characters), f"{each.seconds:.2f}")
        table.add_row(each.file, each.expect, each.found, *numbers, "; ".join(each.wrong) or "yes")
    console().print(table, markup=False)
    target = output or BASELINES / f"files-{folder.name}{'-ocr' if with_ocr else ''}.json"
    measured = report(found, settings, ocr=with_ocr)
    write_result(target, {"benchmark": "files", **measured})
    click.echo(f"{measured['right']} of {measured['files']} as they should be; written to {target}")
    sys.exit(0 if measured["right"] == measured["files"] else 1)


@click.command("ocr")
@click.argument("scans", type=click.Path(path_type=Path, exists=True))
@click.argument("originals", type=click.Path(path_type=Path, exists=True))
@click.option("--output", type=RESULT, help="Result file.")
@config_option
def ocr(scans: Path, originals: Path, output: Path | None, config: Path | None) -> None:
    """Scans read by OCR against the text of the PDFs they were made of: errors and seconds a page.

    SCANS and ORIGINALS are two files, or two folders whose files share names.
    """
    settings = settings_for(config).ingest
    table = Table("scan", "pages", "characters", "CER", "missing", "confidence", "s/page", "CPU s/page")
    found = []
    for scan, original in pairs(scans, originals):
        each = read_scan(scan, original, settings)
        found.append(each)
        table.add_row(
            each.file,
            str(each.pages),
            str(each.characters),
            f"{each.cer:.2%}",
            f"{each.missing_share:.2%}",
            f"{each.confidence}%",
            f"{each.seconds / each.pages:.1f}",
            f"{each.cpu_s / each.pages:.1f}",
        )
    console().print(table, markup=False)
    measured = summary(found)
    click.echo(", ".join(f"{name} {value:g}" for name, value in measured.items()))
    target = output or BASELINES / f"ocr-{scans.stem}.json"
    write_result(target, {"benchmark": "ocr", **measured, "scans": [asdict(each) for each in found]})
    click.echo(f"written to {target}")
