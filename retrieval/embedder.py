"""Embeddings by a local sentence-transformers model: Qwen3-Embedding-0.6B and folders of its kind."""

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

import httpx
import numpy as np
import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import processors

from retrieval.errors import ModelUnavailable
from retrieval.protocols import Vectors
from retrieval.types import Notice

QUERY_PROMPT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
"""Used where the folder names no prompt of its own. Source: model card of Qwen/Qwen3-Embedding-0.6B."""
END_OF_TEXT = "<|endoftext|>"
"""Qwen3-Embedding reads a text's vector at this token, which stands behind every text (model card)."""

_FILES = ("*.json", "*.txt", "*.safetensors", "*.jinja", "*/config.json")
_MODULES = frozenset({"Transformer", "Pooling", "Normalize"})
BATCH_TEXTS = 64
_BATCH_TOKENS = {"cpu": 8_192, "cuda": 65_536}  # padded tokens a batch; one text at the limit still fits
_FINGERPRINT_BYTES = 1 << 20
_CONFIGURATIONS = (
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


class SentenceTransformerEmbedder:
    """``Embedder`` over sentence-transformers. See ``load``.

    Padding is on the left and does not change a vector beyond rounding. Vectors come back as float32 of
    norm 1. Text that spells a control token is read as ordinary characters. Texts over the token limit
    lose their end, with the notice ``embedding_cut``. Thread-safe: one batch at a time.
    ``ModelUnavailable`` is raised where the model cannot be had, read or run. ``batch_tokens``: padded tokens
    of a batch, see ``batches``.
    """

    def __init__(self, model: SentenceTransformer, *, name: str, device: str, max_tokens: int) -> None:
        self._model = model
        self._name = name
        self.batch_tokens = _BATCH_TOKENS[device]
        self._pooling = _prepare(model)
        self._tokenizer = model.tokenizer
        self._max_tokens = min(max_tokens, model.max_seq_length or max_tokens)
        model.max_seq_length = self._max_tokens
        self._query_prompt = model.prompts.get("query") or QUERY_PROMPT
        self._passage_prompt = model.prompts.get("document") or ""
        self._lock = threading.Lock()
        self._local = threading.local()

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        name: str = "",
        revision: str | None = None,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        max_tokens: int = 8192,
        local_files_only: bool = True,
    ) -> Self:
        """Open a model folder, or a hub id pinned by revision; safetensors only, no code of the model's.

        A folder in sentence-transformers layout is used as it says; a plain transformers folder gets
        last-token pooling, as the model card of Qwen3-Embedding prescribes. Float32 on the CPU, bfloat16
        (float16 on cards without it) on CUDA. ``name`` is what to call the model, by default the folder's
        name.
        """
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        folder = _folder(model, revision, local_files_only)
        _check(folder)
        short = (name or str(model)).rstrip("/").rsplit("/", 1)[-1].split("@")[0]
        try:
            loaded = _open(folder, chosen)
            return cls(loaded, name=f"{short}:{_fingerprint(folder)}", device=chosen, max_tokens=max_tokens)
        except (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError) as error:
            raise ModelUnavailable(
                f"embedding model {model} cannot be loaded ({type(error).__name__}: {error}); "
                "download it again or choose another folder"
            ) from error

    @property
    def identity(self) -> str:
        """Name, hash of the files, dtype, pooling and token limit: ``Qwen3-Embedding-0.6B:1f…/float32/…``."""
        dtype = str(self._model.dtype).removeprefix("torch.")
        return f"{self._name}/{dtype}/{self._pooling}/{self._max_tokens}"

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return str(self._model.device.type)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (len(texts), dim), rows of norm 1; each text behind the model's query prompt."""
        return self._embed([self._query_prompt + text for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (len(texts), dim), rows of norm 1, in the order given."""
        return self._embed([self._passage_prompt + text for text in texts])

    def passage_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens ``embed_passages`` reads of each text: at most the model's limit."""
        with self._lock:
            lengths = self._lengths([self._passage_prompt + text for text in texts])
        return [min(length, self._max_tokens) for length in lengths]

    def drain_notices(self) -> tuple[Notice, ...]:
        """What this thread's calls had to cut since it last asked."""
        notices = tuple(getattr(self._local, "notices", ()))
        self._local.notices = []
        return notices

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        if not texts:
            return vectors
        with self._lock:
            lengths = self._lengths(texts)
            self._note_cuts(lengths)
            for rows in batches([min(n, self._max_tokens) for n in lengths], self.batch_tokens):
                vectors[rows] = self._encode([texts[row] for row in rows])
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or (norms == 0.0).any():
            raise ModelUnavailable(
                f"embedding model {self._name} gave a vector without direction or of no number "
                f"({self._model.dtype} on {self._model.device}); its files may be damaged: run "
                "`touchstone models verify`"
            )
        return np.asarray(vectors / norms, dtype=np.float32)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in self._tokenizer(list(texts), verbose=False)["input_ids"]]

    def _encode(self, texts: list[str]) -> Vectors:
        try:
            encoded = self._model.encode(
                texts, prompt="", batch_size=len(texts), show_progress_bar=False, convert_to_numpy=True
            )
        except torch.OutOfMemoryError as error:
            if len(texts) == 1:
                raise ModelUnavailable(
                    f"{self._model.device} has too little memory to embed a text of up to {self._max_tokens} "
                    "tokens; lower max_tokens or run on the CPU"
                ) from error
            half = len(texts) // 2
            return np.concatenate([self._encode(texts[:half]), self._encode(texts[half:])])
        return np.asarray(encoded, dtype=np.float32)

    def _note_cuts(self, lengths: Sequence[int]) -> None:
        cut = [length for length in lengths if length > self._max_tokens]
        if cut:
            notice = Notice.of("embedding_cut", texts=len(cut), longest=max(cut), limit=self._max_tokens)
            self._local.notices = [*getattr(self._local, "notices", ()), notice]


def _dtype(device: str) -> torch.dtype:
    if device == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _folder(model: str | Path, revision: str | None, local_files_only: bool) -> Path:
    if Path(model).is_dir():
        return Path(model)
    try:
        return Path(
            snapshot_download(
                str(model), revision=revision, local_files_only=local_files_only, allow_patterns=list(_FILES)
            )
        )
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise ModelUnavailable(
            f"embedding model {model} (revision {revision or 'newest'}) is no folder and cannot be had from "
            f"the hub ({type(error).__name__}); run `touchstone models pull` or give a folder"
        ) from error


def _check(folder: Path) -> None:
    """Refuse what is no model folder, holds only pickled weights, or asks for other code."""
    if not (folder / "config.json").is_file():
        raise ModelUnavailable(f"{folder} holds no config.json, so it is no model folder; give another")
    if not any(folder.glob("*.safetensors")):
        raise ModelUnavailable(f"{folder} holds no *.safetensors; pickled weights are not loaded")
    modules = folder / "modules.json"
    if modules.is_file():
        for module in json.loads(modules.read_text(encoding="utf-8")):
            kind = str(module.get("type", ""))
            if not kind.startswith("sentence_transformers.") or kind.rpartition(".")[2] not in _MODULES:
                raise ModelUnavailable(
                    f"{modules} names {kind!r}; only {', '.join(sorted(_MODULES))} are run"
                )


def _open(folder: Path, device: str) -> SentenceTransformer:
    local = {"trust_remote_code": False, "local_files_only": True}
    model_options = {"dtype": _dtype(device), "use_safetensors": True, **local}
    text_options = {"padding_side": "left", **local}
    if (folder / "modules.json").is_file():
        return SentenceTransformer(
            str(folder), device=device, trust_remote_code=False, local_files_only=True,
            model_kwargs=model_options, processor_kwargs=text_options,
        )  # fmt: skip
    transformer = Transformer(
        str(folder), model_kwargs=model_options, processor_kwargs=text_options,
        config_kwargs=local, module_output_name="token_embeddings",
        # Left to itself, sentence-transformers 6.2 wraps every text in the tokenizer's chat template.
        modality_config={"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    )  # fmt: skip
    pooling = Pooling(transformer.get_embedding_dimension(), "lasttoken")
    return SentenceTransformer(modules=[transformer, pooling, Normalize()], device=device)


def _prepare(model: SentenceTransformer) -> str:
    """Make the tokenizer end each text as the model expects, without control tokens; name the pooling."""
    model.eval()
    tokenizer = model.tokenizer
    tokenizer.padding_side = "left"
    tokenizer.split_special_tokens = True
    pooling = next(str(m.pooling_mode) for m in model if isinstance(m, Pooling))
    end = tokenizer.get_vocab().get(END_OF_TEXT)
    if pooling == "lasttoken" and end is not None and tokenizer("a")["input_ids"][-1] != end:
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"$A {END_OF_TEXT}", special_tokens=[(END_OF_TEXT, end)]
        )
    read = model.preprocess(["a"])["input_ids"][0].tolist()
    if read != tokenizer("a")["input_ids"]:
        raise ValueError("sentence-transformers would add something to each text, as a chat template")
    return pooling


def batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches of similar length, longest first, each within the budget of padded tokens.

    A batch has at most ``BATCH_TEXTS`` rows. A row longer than the budget is a batch of its own. Rows of
    equal length keep their order.
    """
    batch: list[int] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batch and (len(batch) == BATCH_TEXTS or longest * (len(batch) + 1) > budget):
            yield batch
            batch = []
        longest = lengths[row] if not batch else longest
        batch.append(row)
    if batch:
        yield batch


def _fingerprint(folder: Path) -> str:
    """A hash over configurations, and over size and ends of weight files: other contents, other identity."""
    digest = hashlib.blake2b(digest_size=6)
    named = [folder / name for name in _CONFIGURATIONS if (folder / name).is_file()]
    for path in sorted([*named, *folder.glob("*/config.json"), *folder.glob("*.safetensors")]):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()}:{size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(_FINGERPRINT_BYTES))
            if path.suffix == ".safetensors" and size > _FINGERPRINT_BYTES:
                file.seek(-_FINGERPRINT_BYTES, 2)
                digest.update(file.read())
    return digest.hexdigest()
