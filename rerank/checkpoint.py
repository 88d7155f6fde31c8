"""Loads a Qwen3-Reranker checkpoint and refuses anything that would score without meaning."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, Qwen3ForCausalLM

from rerank.engine import PaddedEngine
from rerank.errors import RerankerUnavailable
from rerank.prompt import MAX_TOKENS, TEMPLATE_VERSION
from rerank.tokens import PairEncoder

ARCHITECTURE = "Qwen3ForCausalLM"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a reranker needs of a checkpoint: its engine, its encoder, and which weights they are."""

    engine: PaddedEngine
    encoder: PairEncoder
    identity: str
    device: str


def open_checkpoint(
    model: str | Path,
    *,
    revision: str | None,
    device: str,
    dtype: str,
    max_tokens: int = MAX_TOKENS,
    local_files_only: bool,
    name: str = "",
) -> Checkpoint:
    """Open a hub name or a local folder; safetensors only, no code from the repository.

    ``name`` is what the identity calls the model, by default its hub name or the folder's name.
    ``device``: "auto" (CUDA where there is one) or a torch device; ``dtype``: "auto" (float32 on CPU,
    bfloat16 on CUDA, float16 on GPUs without it) or a torch dtype. Raises ``RerankerUnavailable`` when files
    are missing or broken, when the checkpoint is not a ``Qwen3ForCausalLM`` (the popular
    AutoModelForSequenceClassification route gets a random head), when weights are missing or left over, and
    for 16-bit on CPU (measured 3.4 times slower than float32 there).
    """
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    kind = _dtype(dtype, place)
    try:
        weights, info, tokenizer, commit = _read(str(model), revision, kind, local_files_only)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise RerankerUnavailable(f"cannot load the reranker {model}: {reason}") from error
    _refuse_incomplete(model, info)
    control = tokenizer.backend_tokenizer
    encoder = PairEncoder(control, max_tokens=max_tokens)
    encoder.check_template()
    answers = [control.encode(word, add_special_tokens=False).ids for word in ("yes", "no")]
    if [len(ids) for ids in answers] != [1, 1]:
        raise RerankerUnavailable(f'"yes" and "no" must be single tokens, {model} reads them as {answers}')
    identity = (
        f"{name or (Path(model).name if Path(model).is_dir() else model)}@{revision or commit or 'local'}"
        f"+{_fingerprint(weights)}/{str(kind).removeprefix('torch.')}/{max_tokens}/{TEMPLATE_VERSION}"
    )
    engine = PaddedEngine(
        _placed(weights, place),
        yes_id=answers[0][0],
        no_id=answers[1][0],
        pad_id=control.token_to_id("<|endoftext|>") or 0,
    )
    return Checkpoint(engine=engine, encoder=encoder, identity=identity, device=place.type)


def _read(
    model: str, revision: str | None, dtype: torch.dtype, local_files_only: bool
) -> tuple[Qwen3ForCausalLM, dict[str, Any], Any, str | None]:
    """Weights, what loading said about them, tokenizer, and the hub's commit."""
    where: dict[str, Any] = {
        "revision": revision or "main",
        "local_files_only": local_files_only,
        "trust_remote_code": False,
    }
    config = AutoConfig.from_pretrained(model, **where)
    if config.architectures != [ARCHITECTURE]:
        raise ValueError(
            f"its architecture is {config.architectures}, not {ARCHITECTURE}; use the original checkpoint, "
            "for example Qwen/Qwen3-Reranker-0.6B"
        )
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        model, config=config, dtype=dtype, use_safetensors=True, output_loading_info=True, **where
    )
    weights, info = loaded  # a pair because of output_loading_info; transformers' annotation does not say so
    return weights, info, AutoTokenizer.from_pretrained(model, **where), getattr(config, "_commit_hash", None)


def _placed(model: Qwen3ForCausalLM, device: torch.device) -> Qwen3ForCausalLM:
    """The model, moved in place; transformers' own annotation of ``to`` cannot be called."""
    torch.nn.Module.to(model, device)
    return model


def _dtype(name: str, device: torch.device) -> torch.dtype:
    """The dtype asked for, or the right one for the device."""
    if name == "auto":
        if device.type == "cpu":
            return torch.float32
        native = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in dtypes:
        raise RerankerUnavailable(f"dtype {name!r} is unknown; use auto, {', '.join(dtypes)}")
    if device.type == "cpu" and name != "float32":
        raise RerankerUnavailable(f"{name} on CPU is several times slower than float32; use float32 or auto")
    return dtypes[name]


def _refuse_incomplete(model: str | Path, info: dict[str, Any]) -> None:
    """Missing weights are filled with random numbers, left-over ones belong to another model: refuse both."""
    for what in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        keys = sorted(str(key) for key in info.get(what, ()))
        if keys:
            named = ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
            kind = what.replace("_", " ")
            raise RerankerUnavailable(f"{model} has {kind}: {named}; its scores would mean nothing")


def _fingerprint(model: Qwen3ForCausalLM) -> str:
    """Twelve hex digits over name, shape and 64 evenly spaced values of every tensor.

    Tells fine-tuned folders of one name apart without reading a gigabyte a second time.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().flatten()
        sample = flat[:: max(1, flat.numel() // 64)][:64].float().cpu()
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + sample.numpy().tobytes())
    return digest.hexdigest()[:12]
