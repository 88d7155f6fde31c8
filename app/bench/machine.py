"""What a result was measured on, and how a result file is written."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import ceil
from pathlib import Path

PACKAGES = (
    "touchstone-kb",
    "chromadb",
    "torch",
    "transformers",
    "sentence-transformers",
    "onnxruntime",
    "onnx",
    "onnxscript",
    "rapidocr",
    "openvino",
    "nncf",
    "llama-cpp-python",
    "pypdfium2",
    "pypdf",
    "numpy",
    "fastapi",
)


def machine() -> dict[str, object]:
    """Processor, cores, memory and the versions of what was used."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "load_average": os.getloadavg()[0],
    }


def write_result(path: Path, measured: dict[str, object]) -> None:
    """Write a result file: whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), **measured}, indent=1
    )
    partial = path.with_suffix(".partial")
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)


def percentiles(values_ms: list[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds, by nearest rank."""
    ordered = sorted(values_ms)
    return {f"p{p}": round(ordered[ceil(len(ordered) * p / 100) - 1], 3) for p in (50, 95)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
