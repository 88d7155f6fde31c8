"""Memory of GPUs is asked without loading torch, and without taking any of it."""

import subprocess
import sys
from pathlib import Path

import torch

from rerank.device_memory import device_memory

ROOT = Path(__file__).resolve().parents[2]


def test_asking_loads_nothing() -> None:
    probe = (
        "import sys; from rerank.device_memory import device_memory\n"
        "print(device_memory(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "() False"


def test_a_process_that_uses_a_gpu_knows_what_it_holds_and_another_holds_none() -> None:
    if not torch.cuda.is_available():
        assert device_memory() == ()
        return
    held = torch.zeros(16, 1024, 1024, device="cuda")
    found = device_memory()[held.get_device()]
    assert found.reserved >= found.allocated >= held.nbytes
    assert found.total >= found.used >= held.nbytes
