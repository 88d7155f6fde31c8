"""What the owner and every worker must agree on, so that a file becomes the same wherever it is read."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from app.errors import TouchstoneError
from app.jobs.ingestion import Ingestion
from app.jobs.trouble import FileTrouble
from app.models import Models
from app.settings import Settings
from ingest.parse import parser_identity
from ingest.readers import READERS
from ingest.settings import IngestSettings
from retrieval.protocols import LocalEmbedder

log = logging.getLogger(__name__)
DISTRIBUTION = "touchstone-kb"


class TermsDiffer(TouchstoneError):
    """A worker would make something else of a file than the owner; the message says what differs."""

    code = "workers_differ"


@dataclass(frozen=True, slots=True)
class Terms:
    """``settings`` name the profile that runs. ``sizes`` are the settings each collection is cut by.

    ``parsers`` are identities by media type, ``release`` is of Touchstone. ``embedder`` and ``tokenizer`` are
    identities, ``tokenizer`` "" where no token ids are kept. ``device``: what the embedder computes on, ""
    where that is elsewhere or costs nothing.
    """

    settings: Settings
    sizes: Mapping[str, IngestSettings]
    release: str
    parsers: Mapping[str, str]
    embedder: str
    dim: int
    device: str
    tokenizer: str


def terms_of(
    settings: Settings, models: Models, tokenizer: str, ingestion: Ingestion, collections: set[str]
) -> Terms:
    """The terms of this process for files of these collections.

    A collection whose chunk size cannot be used is left out: its jobs say what is wrong with it.
    """
    device = models.embedder.device if isinstance(models.embedder, LocalEmbedder) else ""
    embedder = settings.models.embedder.model_copy(update={"device": device or "auto"})
    models_settings = settings.models.model_copy(update={"embedder": embedder})
    sizes = {}
    for collection in sorted(collections):
        try:
            sizes[collection] = ingestion.settings_of(collection)
        except FileTrouble as error:
            log.warning("files of collection %s are not sent away: %s", collection, error)
    return Terms(
        settings=settings.model_copy(update={"profile": models.profile, "models": models_settings}),
        sizes=sizes,
        release=metadata.version(DISTRIBUTION),
        parsers=parsers(settings.ingest),
        embedder=models.embedder.identity,
        dim=models.embedder.dim,
        device=device,
        tokenizer=tokenizer,
    )


def parsers(settings: IngestSettings) -> dict[str, str]:
    """What reads each kind of file here, by media type."""
    return {media_type: parser_identity(media_type, settings) for media_type in READERS}


def check_software(terms: Terms) -> None:
    """Raise ``TermsDiffer`` unless this process reads and cuts files as the owner does."""
    release = metadata.version(DISTRIBUTION)
    if release != terms.release:
        raise TermsDiffer(
            f"{DISTRIBUTION} {release} is installed on a worker and {terms.release} on this machine; install "
            "one release everywhere"
        )
    ours = parsers(terms.settings.ingest)
    for media_type, theirs in terms.parsers.items():
        if ours.get(media_type) != theirs:
            raise TermsDiffer(
                f"a worker reads {media_type} with {ours.get(media_type)!r}, this machine with {theirs!r}; "
                "install the same releases and extras everywhere"
            )
