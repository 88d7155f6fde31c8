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
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group(invoke_without_command=True)
@click.pass_context
def bench(context: click.Context) -> None:
    """Measure speed; without a name, ``ask``.

    ``rerank`` and ``quantize`` take minutes and gigabytes, so they run only when they are named.
    """
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


@bench.command("rerank")
@click.option("--model", type=FOLDER, help="Folder of a Qwen3-Reranker; by default random weights.")
@click.option("--random", "random_weights", is_flag=True, help="Random weights of the 0.6B geometry.")
@click.option(
    "--sizes",
    type=click.Choice(["quick", "cpu", "gpu", "full"]),
    help="What is scored; by default what suits the device (cpu: some 5 minutes on 2 cores).",
)
@click.option("--rounds", type=click.IntRange(1), help="How often each is asked (2 on CPU, 20 on a GPU).")
@click.option("--peers", default="card,crossencoder,loop", show_default=True, help="Whom to compare with.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
def bench_rerank(
    model: Path | None,
    random_weights: bool,
    sizes: str | None,
    rounds: int | None,
    peers: str,
    output: Path | None,
) -> None:
    """The reranker against the model card's code, sentence-transformers and a loop, on the same weights."""
    from app.bench.rerank import run  # torch and transformers, which other commands do not wait for

    target = run(
        _chosen(model, random_weights),
        sizes=sizes,
        rounds=rounds,
        peers=[peer.strip() for peer in peers.split(",") if peer.strip()],
        output=output,
        tell=click.echo,
    )
    click.echo(f"written to {target}")


@bench.command("quantize")
@click.option("--model", type=FOLDER, help="Folder of a Qwen3-Reranker; by default random weights.")
@click.option("--random", "random_weights", is_flag=True, help="Random weights of the 0.6B geometry.")
@click.option("--set", "folder", type=FOLDER, help="corpus, queries, qrels; by default the demo's pairs.")
@click.option("--queries", type=click.IntRange(1), default=50, show_default=True, help="Most queries read.")
@click.option("--candidates", type=click.IntRange(2), default=10, show_default=True, help="Most per query.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
def bench_quantize(
    model: Path | None,
    random_weights: bool,
    folder: Path | None,
    queries: int,
    candidates: int,
    output: Path | None,
) -> None:
    """Fewer bits (int8 on CPU, bfloat16 on a GPU) against float32: may they be enabled for this model?"""
    from app.bench.quantize import run

    target = run(
        _chosen(model, random_weights), folder, queries=queries, candidates=candidates, output=output,
        tell=click.echo,
    )
    click.echo(f"written to {target}")


def _chosen(model: Path | None, random_weights: bool) -> Path | None:
    """The model's folder, None for random weights."""
    if model is not None and random_weights:
        raise click.UsageError("give --model or --random, not both")
    return model


def _pdfium_alone(files: list[Path]) -> float:
    done = subprocess.run(  # noqa: S603 - our own interpreter on files of this project
        [sys.executable, "-c", PDFIUM_ALONE, *map(str, files)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)
