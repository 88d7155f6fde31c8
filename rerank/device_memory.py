"""How much memory of a GPU this process holds, asked without loading anything."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes of one CUDA device.

    ``allocated``: in tensors of this process; ``reserved``: held by its allocator, tensors included
    (``torch.cuda.memory_allocated``, ``memory_reserved``); ``used``: taken by all processes, of ``total``
    there are (``cudaMemGetInfo``).
    """

    name: str
    allocated: int
    reserved: int
    used: int
    total: int


def device_memory() -> tuple[DeviceMemory, ...]:
    """Each CUDA device on which this process holds memory; none where its models run on the processor.

    Neither loads torch nor begins to use a device: a context alone would take hundreds of megabytes of it.
    """
    if "torch" not in sys.modules:
        return ()
    import torch

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch gives it no type
        return ()
    found = []
    for index in range(torch.cuda.device_count()):
        if not torch.cuda.memory_reserved(index):
            continue
        free, total = torch.cuda.mem_get_info(index)
        found.append(
            DeviceMemory(
                name=torch.cuda.get_device_name(index),
                allocated=torch.cuda.memory_allocated(index),
                reserved=torch.cuda.memory_reserved(index),
                used=total - free,
                total=total,
            )
        )
    return tuple(found)
