"""Loads a Qwen3-Reranker checkpoint and refuses anything that would score without meaning."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig

from rerank.compiled import working_engine
from rerank.cores import physical_cores
from rerank.decoder import Steps
from rerank.engine import PackedEngine
from rerank.errors import RerankerUnavailable
from rerank.linear import check_fp8, check_int8
from rerank.permit import Arithmetic, DtypePermits, Loaded, choose
from rerank.prompt import MAX_TOKENS, TEMPLATE_VERSION
from rerank.settings import EngineSettings
from rerank.tokens import EncoderTokenizer, PairEncoder
from rerank.weights import QUANTIZERS, read_geometry, take_weights
from retrieval.types import Notice

ARCHITECTURE = "Qwen3ForCausalLM"
CPU_BLOCK_ROWS = 384
"""Rows of one product on CPU: temporaries stay in the second-level cache. Measured on a 2-core Zen 4 (1 MB a
core) at 10 pairs of 285 tokens: 384 and 512 within 1 %, 128 10 % slower, unbounded 6 % (float32) to 28 %
(int8) slower."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a reranker needs of a checkpoint: its engine, its encoder, and which weights they are.

    ``notices``: what about the engine is not as fast as it could be, or was asked to be.
    """

    engine: PackedEngine
    encoder: PairEncoder
    identity: str
    arithmetic: Arithmetic
    notices: tuple[Notice, ...]


@dataclass(slots=True)
class _Files:
    """A checkpoint as read: ``state`` is emptied by whoever takes its tensors."""

    config: PreTrainedConfig
    state: dict[str, Tensor]
    info: dict[str, Any]
    tokenizer: Any
    commit: str | None


def open_checkpoint(
    model: str | Path,
    *,
    revision: str | None,
    device: str,
    max_tokens: int = MAX_TOKENS,
    local_files_only: bool,
    name: str = "",
    settings: EngineSettings,
    permits: DtypePermits = DtypePermits(),  # noqa: B008  frozen
    unmeasured: bool = False,
) -> Checkpoint:
    """Open a hub name or a local folder; safetensors only, no code from the repository.

    ``name`` is what the identity calls the model, by default its hub name or the folder's name.
    ``device``: "auto" (CUDA where there is one) or a torch device. int8 and fp8 run with a permit for these
    weights; else (unless ``unmeasured``) the exact dtype does, with the notice
    ``rerank_dtype_not_permitted``.

    Raises ``RerankerUnavailable`` when files are missing or broken, when the checkpoint is not a plain
    ``Qwen3ForCausalLM`` (the popular AutoModelForSequenceClassification route gets a random head), when
    weights are missing or left over, for 16-bit on a CPU without it (measured 3.4 times slower than float32
    there), for int8 off CPU, and for fp8 off GPUs that have it.

    Sets torch's thread count, and with ``gpu_memory_gib`` its GPU memory limit, for the whole process.
    """
    place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    kind = _dtype(settings.dtype, place)
    _limit(place, settings)
    try:
        files = _read(str(model), revision, kind, local_files_only)
        geometry = read_geometry(files.config, max_tokens)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise RerankerUnavailable(f"cannot load the reranker {model}: {reason}") from error
    _refuse_incomplete(model, files.info)
    control = files.tokenizer.backend_tokenizer
    encoder = PairEncoder(control, max_tokens=max_tokens, kept_tokens=settings.cached_tokens)
    encoder.check_template()
    answers = [control.encode(word, add_special_tokens=False).ids for word in ("yes", "no")]
    if [len(ids) for ids in answers] != [1, 1]:
        raise RerankerUnavailable(f'"yes" and "no" must be single tokens, {model} reads them as {answers}')
    loaded = Loaded(_fingerprint(files.state), place.type, str(model))
    arithmetic = choose(
        settings.dtype, exact=_called(kind), loaded=loaded, permits=permits, unmeasured=unmeasured
    )
    called = name or (Path(model).name if Path(model).is_dir() else model)
    identity = (
        f"{called}@{revision or files.commit or 'local'}+{loaded.weights}/{arithmetic.used}/{max_tokens}"
        f"/{TEMPLATE_VERSION}"
    )
    try:
        weights = take_weights(
            geometry,
            files.state,
            yes_id=answers[0][0],
            no_id=answers[1][0],
            device=place,
            quantize=QUANTIZERS.get(arithmetic.used),
        )
    except ValueError as error:
        raise RerankerUnavailable(f"cannot load the reranker {model}: {error}") from error

    def make(steps: Steps, graphs: bool) -> PackedEngine:
        block_rows = CPU_BLOCK_ROWS if place.type == "cpu" else None
        return PackedEngine(weights, steps=steps, block_rows=block_rows, graphs=graphs)

    cuda = place.type == "cuda"
    engine, notices = working_engine(
        make,
        compiled=cuda if settings.compile is None else settings.compile,
        graphs=cuda and settings.cuda_graphs,
    )
    return Checkpoint(engine, encoder, identity, arithmetic, (*arithmetic.notices, *notices))


def open_tokenizer(model: str | Path, *, revision: str | None) -> EncoderTokenizer:
    """The tokenizer of a checkpoint on this disk, without its weights: for ids made where nobody asks.

    Raises ``RerankerUnavailable`` where there is none, ``SelfTestFailed`` where it is not Qwen3's.
    """
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            str(model), revision=revision or "main", local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise RerankerUnavailable(
            f"cannot load the tokenizer of {model}: {type(error).__name__}: {error}"
        ) from error
    encoder = PairEncoder(tokenizer.backend_tokenizer)
    encoder.check_template()
    return EncoderTokenizer(encoder)


def _read(model: str, revision: str | None, dtype: torch.dtype, local_files_only: bool) -> _Files:
    """Configuration, weights on CPU, what loading said about them, tokenizer, and the hub's commit."""
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
    return _Files(
        config,
        dict(weights.state_dict()),
        info,
        AutoTokenizer.from_pretrained(model, **where),
        getattr(config, "_commit_hash", None),
    )


def _limit(device: torch.device, settings: EngineSettings) -> None:
    """Threads on CPU, memory on a GPU."""
    if device.type == "cpu":
        torch.set_num_threads(settings.threads or physical_cores())
    if device.type == "cuda" and settings.gpu_memory_gib is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, settings.gpu_memory_gib * 2**30 / total), device)


def _dtype(name: str, device: torch.device) -> torch.dtype:
    """The dtype asked for, or the right one for the device; with fewer bits, that of all but the products."""
    if name == "int8":
        if device.type != "cpu":
            raise RerankerUnavailable("int8 runs on CPU only; use auto on a GPU")
        check_int8()
        return torch.float32
    if name == "fp8":
        check_fp8(device)
        return torch.bfloat16
    if name == "auto":
        if device.type == "cpu":
            return torch.float32
        native = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if name not in dtypes:
        raise RerankerUnavailable(f"dtype {name!r} is unknown; use auto, int8, fp8, {', '.join(dtypes)}")
    if device.type == "cpu" and name != "float32" and not (name == "bfloat16" and _cpu_has_bfloat16()):
        raise RerankerUnavailable(
            f"{name} on this CPU is several times slower than float32; use float32 or auto"
        )
    return dtypes[name]


def _called(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _refuse_incomplete(model: str | Path, info: dict[str, Any]) -> None:
    """Missing weights are filled with random numbers, left-over ones belong to another model: refuse both."""
    for what in ("missing_keys", "mismatched_keys", "unexpected_keys"):
        keys = sorted(str(key) for key in info.get(what, ()))
        if keys:
            named = ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
            kind = what.replace("_", " ")
            raise RerankerUnavailable(f"{model} has {kind}: {named}; its scores would mean nothing")


def _cpu_has_bfloat16() -> bool:
    """AVX512-BF16 or AMX: bfloat16 products at twice float32's speed or more."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def _fingerprint(state: dict[str, Tensor]) -> str:
    """Twelve hex digits over name, shape and 64 evenly spaced values of every tensor.

    Tells fine-tuned folders of one name apart without reading a gigabyte a second time.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        flat = tensor.detach().flatten()
        sample = flat[:: max(1, flat.numel() // 64)][:64].float().cpu()
        digest.update(f"{name}{tuple(tensor.shape)}".encode() + sample.numpy().tobytes())
    return digest.hexdigest()[:12]
