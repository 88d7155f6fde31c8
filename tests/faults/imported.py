"""Everything the starter profile imports and reads on its way to an answer, done at once: see ``forked``.

Nothing is started that has threads, and nothing stays open: neither survives a fork.
"""

import importlib
import tempfile
import threading
from pathlib import Path

from app.services import Services
from app.settings import Settings
from app.wiring import build_models

MODULES = (
    "app.care.care", "app.care.restore", "app.cli.serve", "app.main", "app.trash", "chromadb.api.rust",
    "generation.extractive", "huggingface_hub.utils", "ingest.worker", "retrieval.chroma",
    "tests.faults.killed", "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto",
)  # fmt: skip

for name in MODULES:
    importlib.import_module(name)
with tempfile.TemporaryDirectory() as folder:
    settings = Settings(data_dir=Path(folder), profile="starter", demo=False)
    with Services(settings, build_models=build_models) as services:
        build_models(settings, services.lexical)
assert threading.active_count() == 1
