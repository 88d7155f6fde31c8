"""``touchstone bench``: speed, as figures beside a named peer, written with hardware and versions."""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.pretty import pprint

from app.bench.asking import measure
from app.bench.machine import write_result
from app.cli.options import config_option, loaded, profile_option, settings_for
from app.settings import CHECKOUT

# The peer runs in a process of its own, as our parser does; its interpreter start is not counted.
PDFIUM_ALONE = """
import sys, time
import pypdfium2
began = time.perf_counter()
for name in sys.argv[1:]:
    document = pypdfium2.PdfDocument(name)
    for page in document:
        page.get_textpage().get_text_range()
print(time.perf_counter() - began)
"""


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure speed; without a name, every benchmark that needs no extra data."""
    if context.invoked_subcommand is None:
        context.invoke(bench_ask)


@bench.command("ask")
@click.option("--rounds", type=click.IntRange(1), default=5, help="How often each question is asked.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
@profile_option
@config_option
def bench_ask(
    rounds: int = 5, output: Path | None = None, profile: str | None = None, config: Path | None = None
) -> None:
    """The whole path on the demo documents: reading, vector search against exact search, every stage."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        settings = settings_for(config, profile).model_copy(update={"data_dir": Path(scratch)})
        with console.status("measuring"), loaded(settings) as services:
            measured = measure(services, rounds, _pdfium_alone)
            target = output or CHECKOUT / "data" / "baselines" / f"ask-{services.models.profile}.json"
    write_result(target, {"benchmark": "ask", **measured})
    pprint(measured, console=Console(), expand_all=True)
    click.echo(f"written to {target}")


def _pdfium_alone(files: list[Path]) -> float:
    done = subprocess.run(  # noqa: S603 - our own interpreter on files of this project
        [sys.executable, "-c", PDFIUM_ALONE, *map(str, files)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
