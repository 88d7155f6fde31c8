"""Who takes part: how each contender is made, and why others are not measured."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

from app.bench.card_ids import CardIds
from app.bench.contenders import Card, Contender, CrossEncoder, Dtype, OneByOne, Ours
from app.bench.exported import export_onnx
from app.bench.gguf_file import write_gguf
from app.bench.llama_cpp import LlamaCpp
from app.bench.meter import memory_left, threads
from app.bench.onnx_runtime import OnnxRuntime, quantized
from app.bench.open_vino import OpenVino, compressed

IN_TORCH = ("card", "crossencoder", "loop")
RUNTIMES = {
    "onnxruntime": ("onnxruntime", "onnxruntime int8"),
    "openvino": ("openvino", "openvino int8"),
    "llama.cpp": ("llama.cpp",),
}
"""CPU runtimes with the contenders of each."""
PEERS = (*IN_TORCH, *RUNTIMES)
VLLM = "a server in a process of its own, not a library that scores these weights in this one"
_PACKAGES = {"llama_cpp": "llama-cpp-python"}
"""Names on PyPI, where they are not those of the modules."""
_FLOAT32_COPIES = 3.5
"""Memory that converting takes, in times the float32 weights: ONNX Runtime quantised 2.4 GB in 7.8."""

Build = Callable[[], Contender]


class NotHere(Exception):
    """This machine lacks what a peer needs; the message says what."""


def plain_dtype(device: str) -> Dtype:
    """What peers compute in on a device."""
    return "float32" if device == "cpu" else "bfloat16"


def our_builders(folder: Path, device: str) -> dict[str, Build]:
    """Our engine as it is used on this device. ``ours fp8`` may be refused, by GPUs that do not have it."""
    dtype = plain_dtype(device)
    ours: dict[str, Build] = {f"ours {dtype}": lambda: Ours(folder, device, dtype)}
    if device == "cpu":
        return ours | {"ours int8": lambda: Ours(folder, device, "int8")}
    return ours | {
        f"ours {dtype}, ids stored": lambda: Ours(folder, device, dtype, stored=True),
        "ours fp8": lambda: Ours(folder, device, "fp8"),
    }


def torch_builders(folder: Path, device: str, peers: Sequence[str]) -> dict[str, Build]:
    """Peers on torch, in the order asked for; the loop shares the card's model, loaded on first use."""
    dtype = plain_dtype(device)
    shared: list[Card] = []

    def card() -> Card:
        if not shared:
            shared.append(Card(folder, device, dtype))
        return shared[0]

    known: dict[str, Build] = {
        "card": card,
        "crossencoder": lambda: CrossEncoder(folder, device, dtype),
        "loop": lambda: OneByOne(card()),
    }
    return {peer: known[peer] for peer in peers if peer in known}


def runtime_builders(folder: Path, scratch: Path, peers: Sequence[str]) -> dict[str, Build]:
    """Peers on other CPU runtimes, in the order asked for, with the same weights written into ``scratch``.

    A builder raises ``NotHere`` where packages or memory are missing.
    """
    size = _float32_bytes(folder)
    graph = _Graph(folder, scratch)

    def onnx_runtime() -> Contender:
        _need(size, "onnxruntime", "onnx", "onnxscript")
        return OnnxRuntime(graph.file(), CardIds(folder), threads(), "float32")

    def onnx_runtime_int8() -> Contender:
        _need(size, "onnxruntime", "onnx", "onnxscript")
        file = _elsewhere(quantized, graph.file(), scratch / "int8.onnx")
        return OnnxRuntime(file, CardIds(folder), threads(), "quantize_dynamic: int8 weights by channel")

    def open_vino() -> Contender:
        _need(size, "openvino", "onnx", "onnxscript")
        return OpenVino(graph.file(), CardIds(folder), threads(), "float32")

    def open_vino_int8() -> Contender:
        _need(size, "openvino", "nncf", "onnx", "onnxscript")
        file = _elsewhere(compressed, graph.file(), scratch / "int8.xml")
        return OpenVino(file, CardIds(folder), threads(), "INT8_ASYM weights by NNCF, 8-bit activations")

    def llama_cpp() -> Contender:
        _need(size, "llama_cpp", "gguf")
        return LlamaCpp(_elsewhere(write_gguf, folder, scratch / "q8_0.gguf"), threads())

    known: dict[str, Build] = {
        "onnxruntime": onnx_runtime,
        "onnxruntime int8": onnx_runtime_int8,
        "openvino": open_vino,
        "openvino int8": open_vino_int8,
        "llama.cpp": llama_cpp,
    }
    return {name: known[name] for peer in peers for name in RUNTIMES.get(peer, ())}


def left_out(peers: Sequence[str], device: str) -> dict[str, str]:
    """Every peer that is not even tried, with the reason; vLLM among them where it is one, on a GPU."""
    reasons = {peer: "not asked for (--peers)" for peer in PEERS if peer not in peers}
    reasons |= {peer: f"unknown; known are {', '.join(PEERS)}" for peer in peers if peer not in PEERS}
    if device != "cpu":
        reasons |= dict.fromkeys(RUNTIMES, "measured on CPU only, and this run is on a GPU")
        reasons["vllm"] = VLLM
    return reasons


class _Graph:
    """The exported graph, made on first use; where that fails it is not tried a second time."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder = folder
        self._scratch = scratch
        self._made: Path | Exception | None = None

    def file(self) -> Path:
        """The ONNX file. Raises what exporting raised."""
        if self._made is None:
            try:
                self._made = _elsewhere(export_onnx, self._folder, self._scratch / "float32.onnx")
            except Exception as error:  # noqa: BLE001  raised below, each time
                self._made = error
        if isinstance(self._made, Exception):
            raise self._made
        return self._made


def _elsewhere(convert: Callable[[Path, Path], Path], source: Path, target: Path) -> Path:
    """Convert in a process of its own: it gives its memory back, and where it is killed this one goes on."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(convert, source, target).result()
        except BrokenProcessPool as error:
            raise NotHere(
                "the process that converted the weights was killed, perhaps for its memory"
            ) from error


def _need(float32_bytes: int, *modules: str) -> None:
    """Raise ``NotHere`` unless these modules can be imported and memory suffices to convert the weights."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        packages = " ".join(_PACKAGES.get(module, module) for module in missing)
        raise NotHere(f"not installed here: {', '.join(missing)} (pip install {packages})")
    needed, left = _FLOAT32_COPIES * float32_bytes, memory_left()
    if left < needed:
        raise NotHere(f"converting takes {needed / 1e9:.1f} GB of memory, {left / 1e9:.1f} are left")


def _float32_bytes(folder: Path) -> int:
    """What the weights take in float32; files hold two bytes a value."""
    return 2 * sum(file.stat().st_size for file in folder.glob("*.safetensors"))
