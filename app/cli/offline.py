"""No library reaches the network by itself, whatever its own default is."""

import os

QUIET = {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "DO_NOT_TRACK": "1",  # huggingface_hub, ray
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
ONLINE_COMMANDS = frozenset({"models"})
"""Commands that may fetch something: weights, when they are asked to."""


def stay_offline(command: str) -> None:
    """Say so to the libraries, which read it once when they are imported; before a command is imported.

    Models are loaded with ``local_files_only`` as it is: this is the second wall.
    """
    os.environ.update(QUIET if command in ONLINE_COMMANDS else QUIET | OFFLINE)
