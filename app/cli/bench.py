"""``touchstone bench``: speed, as figures beside a named peer, written with hardware and versions."""

import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.pretty import pprint

from app.bench.asking import measure
from app.bench.chunking import QUESTIONS, all_sizes
from app.bench.chunking import measure as chunking
from app.bench.machine import write_result
from app.cli.bench_files import files, ocr
from app.cli.bench_scale import scale
from app.cli.options import config_option, loaded, profile_option, settings_for
from app.permits import permit_folder
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

    ``rerank``, ``saturation`` and ``quantize`` take minutes, two of them gigabytes: they run when named.
    """
    if context.invoked_subcommand is None:
        context.invoke(bench_ask)


bench.add_command(files)
bench.add_command(ocr)
bench.add_command(scale)


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
    help="What is scored; by default what suits the device (cpu: some 15 minutes on 2 cores with all peers).",
)
@click.option("--rounds", type=click.IntRange(1), help="How often each is asked (2 on CPU, 20 on a GPU).")
@click.option("--peers", help="Whom to compare with, by default all: card,crossencoder,loop,onnxruntime,...")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
def bench_rerank(
    model: Path | None,
    random_weights: bool,
    sizes: str | None,
    rounds: int | None,
    peers: str | None,
    output: Path | None,
) -> None:
    """The reranker against its peers, on the same weights.

    They are the model card's code (card), sentence-transformers (crossencoder), the card's code a pair at a
    time (loop), and on a CPU onnxruntime, openvino and llama.cpp where they are installed. The result names
    who was not measured, and why.
    """
    from app.bench.rerank import run  # torch and transformers, which other commands do not wait for

    target = run(
        _chosen(model, random_weights),
        sizes=sizes,
        rounds=rounds,
        peers=None if peers is None else [peer.strip() for peer in peers.split(",") if peer.strip()],
        output=output,
        tell=click.echo,
    )
    click.echo(f"written to {target}")


@bench.command("chunking")
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="SET...")
@click.option("--questions", type=click.IntRange(1), default=QUESTIONS, show_default=True, help="Of a set.")
@click.option("--skip", type=click.IntRange(0), default=0, help="Questions of a set left out at its start.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
@profile_option
@config_option
def bench_chunking(
    folders: tuple[Path, ...],
    questions: int,
    skip: int,
    output: Path | None,
    profile: str | None,
    config: Path | None,
) -> None:
    """Chunk sizes and overlaps: which of them finds the evidence (by default in the profile starter).

    A SET is a folder with files/ and queries.jsonl (evidence: file, quote), or with corpus.jsonl,
    queries.jsonl and qrels.tsv, whose paragraphs are joined to long documents.
    """
    settings = settings_for(config, profile or "starter").model_copy(update={"demo": False})
    sizes = sorted({*all_sizes(), settings.ingest.chunk_size}, key=lambda size: (size.tokens, size.overlap))
    measured = chunking(
        loaded, settings, folders, sizes=sizes, skip=skip, questions=questions, tell=click.echo
    )
    target = output or CHECKOUT / "data" / "baselines" / "chunking.json"
    write_result(target, {"benchmark": "chunking", **measured})
    click.echo(f"written to {target}")


@bench.command("ingest")
@click.option("--pdfs", type=FOLDER, help="Folder of real PDFs to read as well; by default the demo's only.")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON lines (.gz) with a, b or title, text: what chunks are made of; by default the demo.",
)
@click.option("--chunks", type=click.IntRange(100), default=100_000, show_default=True, help="To search in.")
@click.option("--queries", type=click.IntRange(1), default=200, show_default=True, help="Of each kind.")
@click.option("--files", type=click.IntRange(4), default=1_000, show_default=True, help="Small ones.")
@click.option("--pages", type=click.IntRange(1), default=300, show_default=True, help="Of the made PDF.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Of what is compared.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Where the chunks stay.")
@click.option("--reuse", type=FOLDER, help="Search what --keep has left there; nothing is indexed.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
@profile_option
@config_option
def bench_ingest(
    pdfs: Path | None,
    corpus: Path | None,
    chunks: int,
    queries: int,
    files: int,
    pages: int,
    rounds: int,
    keep: Path | None,
    reuse: Path | None,
    output: Path | None,
    profile: str | None,
    config: Path | None,
) -> None:
    """Ingestion against bare PDF libraries, the jobs by step, memory, and a large collection searched.

    In the profile starter unless another is named; some 20 minutes on 2 cores. Exact search needs 4 bytes a
    dimension and chunk of memory (400 MB for 100,000 chunks of 1,024).
    """
    from app.bench.ingest import Places, measure, sizes_of  # torch, as above

    if keep is not None and reuse is not None:
        raise click.UsageError("give --keep or --reuse, not both")
    if keep is not None and keep.is_dir() and any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty; name a new folder for --keep, or give it as --reuse")
    measured = measure(
        loaded,
        settings_for(config, profile or "starter"),
        sizes_of(chunks=chunks, queries=queries, files=files, pages=pages, rounds=rounds),
        Places(pdfs=pdfs, corpus=corpus, keep=keep, reuse=reuse),
        tell=click.echo,
    )
    target = output or CHECKOUT / "data" / "baselines" / "ingest-cpu.json"
    write_result(target, {"benchmark": "ingest", **measured})
    click.echo(f"written to {target}")


@bench.command("saturation")
@click.option("--model", type=FOLDER, help="Folder of a Qwen3-Reranker; by default random weights.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Of each round (1.2).")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file.")
def bench_saturation(model: Path | None, seconds: float | None, output: Path | None) -> None:
    """The reranker under many callers: merged passes against one request a pass, then more than it can do.

    Random weights have a small geometry on a CPU (two minutes), that of the 0.6B model on a GPU.
    """
    from app.bench.saturation import run  # torch and transformers, as above

    click.echo(f"written to {run(model, seconds=seconds, output=output, tell=click.echo)}")


@bench.command("quantize")
@click.option("--model", type=FOLDER, help="Folder of a Qwen3-Reranker; by default random weights.")
@click.option("--random", "random_weights", is_flag=True, help="Random weights of the 0.6B geometry.")
@click.option("--set", "folder", type=FOLDER, help="corpus, queries, qrels; by default the demo's pairs.")
@click.option("--queries", type=click.IntRange(1), default=50, show_default=True, help="Most queries read.")
@click.option("--candidates", type=click.IntRange(2), default=10, show_default=True, help="Most per query.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Result file; permits go beside it."
)
@config_option
def bench_quantize(
    model: Path | None,
    random_weights: bool,
    folder: Path | None,
    queries: int,
    candidates: int,
    device: str,
    output: Path | None,
    config: Path | None,
) -> None:
    """Fewer bits (int8 on CPU, bfloat16 and fp8 on a GPU) against float32: do these weights keep their order?

    Where they do, a permit is written into the data directory; engine.dtype int8 or fp8 needs it.
    """
    from app.bench.quantize import run

    target = run(
        _chosen(model, random_weights),
        folder,
        queries=queries,
        candidates=candidates,
        device=device,
        output=output,
        permits=permit_folder(settings_for(config).data_dir),
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
