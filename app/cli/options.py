"""What several commands share: where settings come from, and services that are ready."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from app.errors import BadRequest
from app.services import Services
from app.settings import Settings, load_settings
from app.wiring import build_models
from rerank.presets import PRESETS, preset
from retrieval.analysis import detect_language

PIPED_WIDTH = 180  # columns

config_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file (TOML)."
)
profile_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--profile", type=click.Choice(["auto", "qwen", "starter", "remote"]), help="Which models run."
)
preset_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--preset",
    type=click.Choice([each.name for each in PRESETS]),
    help="A ready instruction, in the language of the question.",
)


def chosen_instruction(instruction: str | None, preset_name: str | None, text: str) -> str | None:
    """What the options ask for, a preset in the language of ``text``. Raises ``BadRequest`` for both."""
    if preset_name is None:
        return instruction
    if instruction is not None:
        raise BadRequest("give an instruction or --preset, not both")
    return preset(preset_name).instruction(detect_language(text))


def settings_for(config: Path | None, profile: str | None = None) -> Settings:
    """The settings, with a profile given on the command line winning over all."""
    settings = load_settings(config)
    return settings.model_copy(update={"profile": profile}) if profile else settings


def opened(settings: Settings) -> Services:
    """Services on the data directory of the settings, with nothing loaded yet."""
    return Services(settings, build_models=build_models)


@contextmanager
def loaded(settings: Settings) -> Iterator[Services]:
    """Services with models and index, closed at the end."""
    with opened(settings) as services:
        services.load()
        yield services


def shown_time(at: datetime) -> str:
    """A time as it is on this machine, to the minute."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def console() -> Console:
    """Standard output as wide as the terminal, or wide enough for every table where it is piped."""
    return Console() if sys.stdout.isatty() else Console(width=PIPED_WIDTH)
