"""``touchstone models``: fetch weights, and check that they are whole and score right."""

import sys
from pathlib import Path

import click

from app.cli.options import config_option, settings_for
from app.settings import Settings
from app.weights import ROLES, WeightsError, locate, pull, role_settings, verify


@click.group()
def models() -> None:
    """Fetch or check model weights."""


@models.command("pull")
@click.option("--role", type=click.Choice(ROLES), multiple=True, help="Only these (default: all three).")
@click.option("--endpoint", help="Hub mirror to fetch from, e.g. https://hf-mirror.com.")
@config_option
def pull_models(role: tuple[str, ...], endpoint: str | None, config: Path | None) -> None:
    """Fetch weights into the data directory. The only command that reaches the network."""
    settings = settings_for(config)
    if endpoint:
        changed = settings.models.model_copy(update={"endpoint": endpoint})
        settings = settings.model_copy(update={"models": changed})
    for each in role or ROLES:
        model = role_settings(settings, each)
        if model.url:
            click.echo(f"{each}: served at {model.url}, nothing to fetch")
            continue
        if Path(model.model).expanduser().is_dir():
            click.echo(f"{each}: local folder {model.model}, nothing to fetch")
            continue
        click.echo(f"{each}: fetching {model.model} from {settings.models.endpoint}")
        click.echo(f"{each}: {pull(settings, each)}")


@models.command("verify")
@click.option("--role", type=click.Choice(ROLES), multiple=True, help="Only these (default: all three).")
@config_option
def verify_models(role: tuple[str, ...], config: Path | None) -> None:
    """Check files and hashes, and let the reranker judge pairs whose answer is known."""
    settings = settings_for(config)
    failed = False
    for each in role or ROLES:
        model = role_settings(settings, each)
        if model.url:
            click.echo(f"{each}: served at {model.url}; checked when it is used")
            continue
        try:
            click.echo(f"{each}: {verify(settings, each)}")
            if each == "reranker":
                click.echo(f"{each}: {_known_answers(settings)}")
        except WeightsError as error:
            click.echo(f"{each}: {error}", err=True)
            failed = True
    sys.exit(1 if failed else 0)


def _known_answers(settings: Settings) -> str:
    from app.permits import permit_folder, read_permits
    from rerank.errors import RerankError
    from rerank.qwen3 import Qwen3Reranker
    from rerank.selftest import self_test

    located = locate(settings, "reranker")
    if located is None:
        raise WeightsError("reranker weights are not on this disk; run `touchstone models pull`")
    try:
        reranker = Qwen3Reranker.load(
            located.folder,
            name=located.name,
            revision=located.revision or None,
            device=settings.models.reranker.device,
            settings=settings.rerank.engine,
            permits=read_permits(permit_folder(settings.data_dir)),
        )
        tested = self_test(reranker)
    except RerankError as error:
        raise WeightsError(f"the reranker fails its known-answer pairs: {error}") from error
    return f"known-answer pairs right, smallest spread {tested.smallest_spread:.2f}"
