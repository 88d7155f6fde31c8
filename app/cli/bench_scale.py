"""``touchstone bench scale``: what a chunk costs, for the arithmetic of large collections."""

from pathlib import Path

import click

from app.bench.machine import write_result
from app.cli.bulk import MAKERS
from app.cli.options import config_option, loaded, profile_option, settings_for
from app.settings import CHECKOUT


@click.command()
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON lines (.gz) with a, b or title, text: what chunks are made of; by default the demo.",
)
@click.option("--chunks", type=click.IntRange(100), default=10_000, show_default=True)
@click.option(
    "--texts",
    type=click.IntRange(0),
    default=16,
    show_default=True,
    help="Embedded by a model of Qwen3-Embedding-0.6B's geometry with random weights; 0: leave that out.",
)
@click.option("--vectors", type=click.IntRange(100), default=40_000, show_default=True, help="Of each size.")
@click.option("--dim", "dims", type=click.IntRange(16), multiple=True, default=(256, 1024), show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
@profile_option
@config_option
def scale(
    corpus: Path | None,
    chunks: int,
    texts: int,
    vectors: int,
    dims: tuple[int, ...],
    output: Path | None,
    profile: str | None,
    config: Path | None,
) -> None:
    """Processor time and bytes of a chunk by stage, and of a vector in Chroma, embedded and on a server.

    In the profile starter unless another is named; some 10 minutes on 2 cores.
    """
    from app.bench.scale import Plan, measure  # torch and chromadb, which other commands do not wait for

    settings, plan = settings_for(config, profile or "starter"), Plan(chunks, texts, vectors, dims)
    measured = measure(loaded, MAKERS, settings, corpus, plan, tell=click.echo)
    target = output or CHECKOUT / "data" / "baselines" / "scale-cpu.json"
    write_result(target, {"benchmark": "scale", **measured})
    click.echo(f"written to {target}")
