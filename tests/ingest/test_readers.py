"""Every registered reader keeps its promises to the process that runs it."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ingest.readers import READERS, Limits

ROOT = Path(__file__).parents[2]
MODULES = sorted({reader.module for reader in READERS.values()})


@pytest.mark.parametrize("module", MODULES)
def test_reader_starts_no_thread_and_imports_no_numeric_library(module: str) -> None:
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from ingest.parser_process import load; "
        f"reader = load({module!r}); from ingest.readers import Limits; "
        "sample = getattr(reader, 'SAMPLE', None); "
        "sample and reader.read(sample, Limits(9, 99999), '', lambda *_: None); "
        "print(len(os.listdir('/proc/self/task')), "
        "[name for name in ('numpy', 'pydantic', 'torch', 'pandas') if sys.modules.get(name)])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(ROOT)], capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout.strip() == "1 []"


@pytest.mark.parametrize("module", [name for name in MODULES if hasattr(import_module(name), "SAMPLE")])
def test_sample_of_a_reader_can_be_read(module: str) -> None:
    reader = import_module(module)
    assert reader.read(reader.SAMPLE, Limits(1, len(reader.SAMPLE)), "", lambda *_: None).text


def test_remedies_and_kinds_make_sentences() -> None:
    for reader in READERS.values():
        assert reader.remedy == reader.remedy.strip(" .;")
        assert reader.version >= 1
        assert not reader.kind.endswith("parser")
