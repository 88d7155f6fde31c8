"""Where model weights lie on this machine, how they get here, and whether they are whole."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import TouchstoneError
from app.settings import ModelSettings, Settings

ROLES = ("embedder", "reranker", "generator")
MANIFEST = "touchstone-manifest.json"
# Weights as safetensors and the text files a tokenizer needs; never pickles, never code.
WANTED = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model", "LICENSE*", "README.md")


class WeightsError(TouchstoneError):
    """Weights are missing, changed, or cannot be fetched."""

    code = "weights"


@dataclass(frozen=True, slots=True)
class Located:
    """A model folder on this disk, with what to call it. ``revision`` is empty for a local folder."""

    folder: Path
    name: str
    revision: str


def role_settings(settings: Settings, role: str) -> ModelSettings:
    """The settings of ``embedder``, ``reranker`` or ``generator``."""
    found: ModelSettings = getattr(settings.models, role)
    return found


def locate(settings: Settings, role: str) -> Located | None:
    """The folder with this role's weights: a local path, what ``models pull`` fetched, or the hub's cache."""
    model = role_settings(settings, role)
    local = Path(model.model).expanduser()
    if _is_model_folder(local):
        return Located(local.resolve(), local.resolve().name, "")
    pulled = pulled_folder(settings, model)
    if _is_model_folder(pulled):
        return Located(pulled, model.model, model.revision)
    cached = _in_hub_cache(model)
    return (
        Located(cached, model.model, model.revision)
        if cached is not None and _is_model_folder(cached)
        else None
    )


def pulled_folder(settings: Settings, model: ModelSettings) -> Path:
    """Where ``models pull`` keeps a hub model."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "--", f"{model.model}@{model.revision or 'main'}")
    return settings.data_dir / "models" / safe


def pull(settings: Settings, role: str) -> Path:
    """Fetch a role's weights from the hub or the mirror in ``models.endpoint``, and note each file's hash.

    Raises ``WeightsError`` naming the model, the endpoint and the remedy.
    """
    from huggingface_hub import snapshot_download  # only this command may reach the network

    model = role_settings(settings, role)
    folder = pulled_folder(settings, model)
    try:
        snapshot_download(
            model.model,
            revision=model.revision or None,
            local_dir=folder,
            endpoint=settings.models.endpoint,
            allow_patterns=list(WANTED),
        )
    except Exception as error:
        raise WeightsError(
            f"{role} {model.model!r} could not be fetched from {settings.models.endpoint} ({error}); "
            "check the network, set TOUCHSTONE_MODELS__ENDPOINT to a mirror, or put the folder here by hand "
            f"and set TOUCHSTONE_MODELS__{role.upper()}__MODEL to its path"
        ) from error
    manifest = {file.relative_to(folder).as_posix(): _sha256(file) for file in _files(folder)}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")
    return folder


def verify(settings: Settings, role: str) -> str:
    """One line saying that a role's weights are whole. Raises ``WeightsError`` saying what is wrong."""
    located = locate(settings, role)
    model = role_settings(settings, role)
    if located is None:
        raise WeightsError(f"{role} {model.model!r} is not on this disk; run `touchstone models pull`")
    _check_safetensors(located.folder, role)
    manifest_path = located.folder / MANIFEST
    if not manifest_path.is_file():
        return f"{located.name}: readable (no manifest: not fetched by `touchstone models pull`)"
    manifest: dict[str, str] = json.loads(manifest_path.read_text(encoding="utf-8"))
    for name, expected in manifest.items():
        file = located.folder / name
        if not file.is_file() or _sha256(file) != expected:
            raise WeightsError(
                f"{role} file {file} is missing or changed; delete it and run `touchstone models pull`"
            )
    return f"{located.name}: {len(manifest)} files, every hash as fetched"


def _is_model_folder(folder: Path) -> bool:
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def _in_hub_cache(model: ModelSettings) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model.model, revision=model.revision or None, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, FileNotFoundError, NotADirectoryError):
        return None


def _check_safetensors(folder: Path, role: str) -> None:
    from safetensors import SafetensorError, safe_open

    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy") as opened:
                opened.keys()
        except (SafetensorError, OSError) as error:
            raise WeightsError(
                f"{role} file {file} is damaged ({error}); delete it and run `touchstone models pull`"
            ) from error


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if file.is_file() and file.name != MANIFEST and not hidden:
            yield file


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
