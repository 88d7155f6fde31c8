"""Time and memory of one call, and how fast this machine multiplies."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from app.bench.resident import peak_bytes, reset_peak, resident_bytes, trim

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """``core_s``: processor time of all threads, which other programs lengthen far less than ``ms``.

    ``extra_bytes``: peak of memory beyond what was held before the call, None where it cannot be read.
    """

    ms: float
    core_s: float
    extra_bytes: int | None


def measured(device: str, call: Callable[[], T]) -> tuple[T, Cost]:
    """A call's result and cost; on a GPU, until its work there is done."""
    before = held(device)
    tells = _reset_peak(device)
    _wait(device)
    began, used = time.perf_counter(), time.process_time()
    result = call()
    _wait(device)
    ms, core_s = (time.perf_counter() - began) * 1000, time.process_time() - used
    peak = _peak(device) if tells else None
    return result, Cost(ms, core_s, None if peak is None or before is None else max(0, peak - before))


def timed(device: str, call: Callable[[], T]) -> tuple[T, float]:
    """A call's result and its milliseconds; on a GPU, until its work there is done."""
    _wait(device)
    began = time.perf_counter()
    result = call()
    _wait(device)
    return result, (time.perf_counter() - began) * 1000


def held(device: str) -> int | None:
    """Bytes this process holds: on a GPU what torch allocated there, on CPU the resident set."""
    gc.collect()
    if device == "cpu":
        trim()
        return resident_bytes()
    return torch.cuda.memory_allocated(device)


def memory_left() -> int:
    """Bytes of main memory that could still be taken; without /proc an amount nothing exceeds."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return 2**62
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def device_name(device: str) -> str:
    """``cpu``, or the GPU's name."""
    return "cpu" if device == "cpu" else torch.cuda.get_device_name(device)


def best_device() -> str:
    """``cuda`` where there is a usable one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def threads() -> int:
    """Threads of torch's products on CPU."""
    return torch.get_num_threads()


@torch.inference_mode()
def product_tflops(device: str, dtype: str, seconds: float = 0.5) -> float:
    """The best rate of one product of the model's kind on this device: rows x 1024 by 1024 x 6144.

    A ceiling measured in the same run, so a busy machine lowers it too. int8: ``torch._int_mm``, on CPU only.
    float32 on CPU: the better of torch's two, MKL's and oneDNN's on packed weights (on a Zen 5 core 90 and
    200 GFLOP/s).
    """
    rows, inner, outer = (512 if device == "cpu" else 16384), 1024, 6144
    products: list[Callable[[], object]] = []
    if dtype == "int8":
        a = torch.randint(-127, 128, (rows, inner), dtype=torch.int8)
        b = torch.randint(-127, 128, (outer, inner), dtype=torch.int8).t()
        products.append(lambda: torch._int_mm(a, b))
    else:
        x = torch.randn(rows, inner, device=device, dtype=getattr(torch, dtype))
        w = torch.randn(outer, inner, device=device, dtype=getattr(torch, dtype))
        products.append(lambda: torch.nn.functional.linear(x, w))
        backend: Any = torch.backends.mkldnn  # its functions are not annotated
        if (device, dtype) == ("cpu", "float32") and backend.is_available():
            one_dnn: Any = torch.ops.mkldnn
            packed = one_dnn._reorder_linear_weight(w, rows)
            products.append(lambda: one_dnn._linear_pointwise(x, packed, None, "none", [], ""))
    return 2 * rows * inner * outer / min(_best_s(device, each, seconds) for each in products) / 1e12


def _best_s(device: str, call: Callable[[], object], seconds: float) -> float:
    """The shortest time of a call, tried for so many seconds."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        best = min(best, measured_s(device, call))
    return best


def measured_s(device: str, call: Callable[[], object], repeats: int = 3) -> float:
    """Seconds of one call, the mean of a few in a row."""
    _wait(device)
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    _wait(device)
    return (time.perf_counter() - began) / repeats


def free(device: str) -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    if device != "cpu":
        torch.cuda.empty_cache()


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


def _reset_peak(device: str) -> bool:
    """Whether the peak counts from now on."""
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats(device)
        return True
    return reset_peak()


def _peak(device: str) -> int | None:
    return peak_bytes() if device == "cpu" else torch.cuda.max_memory_allocated(device)
