"""All settings: one TOML file, then ``TOUCHSTONE_*`` variables. The only place that reads the environment."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from app.api_settings import CostSettings, EmbedApiSettings, GapSettings, LimitSettings, LogSettings
from app.errors import SettingsError
from app.failpoints import arm
from generation.settings import GenerationSettings
from ingest.settings import IngestSettings
from rerank.settings import RerankSettings
from retrieval.settings import RetrievalSettings

PREFIX = "TOUCHSTONE_"
CHECKOUT = Path(__file__).resolve().parents[1]
Profile = Literal["auto", "qwen", "starter", "remote"]
Device = Literal["auto", "cpu", "cuda"]
HostName = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]+$")]
Network = Annotated[str, Field(pattern=r"^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$")]


class ModelSettings(BaseModel):
    """Where one model comes from: a hub id with a pinned revision, a local folder, or a server's URL."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field("", description="hub id, local folder, or the model's name at `url`")
    revision: str = Field("", description="commit of the hub repository; ignored for folders and URLs")
    url: str = Field(
        "", pattern=r"^(https?://\S+)?$", description="base URL of a server that serves this model"
    )
    api_key: SecretStr = Field(SecretStr(""), description="sent as a bearer token to `url`")
    device: Device = "auto"


class ModelsSettings(BaseModel):
    """The three models. Revisions are those of the public repositories this release was written against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    embedder: ModelSettings = ModelSettings(
        model="Qwen/Qwen3-Embedding-0.6B", revision="b22da495047858cce924d27d76261e96be6febc0"
    )
    reranker: ModelSettings = ModelSettings(
        model="Qwen/Qwen3-Reranker-0.6B", revision="6e9e69830b95c52b5fd889b7690dda3329508de3"
    )
    generator: ModelSettings = ModelSettings(
        model="Qwen/Qwen3-1.7B", revision="70d244cc86ccca08cf5af4e1e306ecf908b1ad5e"
    )
    endpoint: str = Field(
        "https://huggingface.co",
        pattern=r"^https?://\S+$",
        description="hub or mirror that `touchstone models pull` fetches from; never used while serving",
    )


class ServerSettings(BaseModel):
    """The web server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(
        "127.0.0.1",
        pattern=r"^[0-9A-Za-z.:_-]+$",
        description="address to listen on; without accounts only this machine's own (127.0.0.1, ::1)",
    )
    port: int = Field(8400, ge=0, le=65535, description="0 takes any free port")
    queue: int = Field(8, ge=0, le=1000, description="questions that may wait while others are answered")
    concurrency: int = Field(2, ge=1, le=64, description="questions answered at the same time")
    abandoned_s: float = Field(
        60.0, gt=0, le=86_400, description="seconds an answer of a conversation is written on unread"
    )
    allowed_hosts: tuple[HostName, ...] = Field(
        (), description="names, without port, by which people call this server; commas between them"
    )
    public_origin: str = Field(
        "",
        pattern=r"^(https?://[0-9a-z.:\[\]_-]+)?$",
        description="what browsers show, such as https://kb.example.org, where a proxy stands in front",
    )

    trusted_proxies: tuple[Network, ...] = Field(
        ("127.0.0.1", "::1"),
        description="addresses of proxies whose X-Forwarded-For and -Proto are believed; commas between them",
    )

    @field_validator("allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _from_variable(cls, value: object) -> object:
        return list(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


class AccessSettings(BaseModel):
    """Who may use it: whoever is at this machine, or people with accounts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["single", "accounts"] = Field(
        "single", description="single: no sign-in, this machine only; accounts: sign-in, keys, any address"
    )
    allow_insecure_http: bool = Field(
        False, description="let people sign in over plain HTTP from other machines; every page says so"
    )
    recheck_s: float = Field(
        10.0, gt=0, le=15, description="seconds between two looks whether the reader of a stream still may"
    )
    session_idle_h: float = Field(
        12.0, gt=0, le=8_760, description="hours without a request after which a sign-in ends"
    )
    session_max_days: float = Field(7.0, gt=0, le=365, description="days after which a sign-in ends anyway")
    free_failures: int = Field(5, ge=1, le=100, description="failed sign-ins of a name that cost no wait")
    free_address_failures: int = Field(
        50, ge=1, le=10_000, description="the same of an address, which many people may share"
    )
    first_wait_s: float = Field(
        2.0, gt=0, le=900, description="seconds of the first wait; each further failure doubles it"
    )
    longest_wait_s: float = Field(900.0, gt=0, le=86_400, description="seconds no wait goes beyond")
    forgive_name_s: float = Field(
        3_600.0, gt=0, le=86_400, description="seconds after which one failure of a name is forgiven"
    )
    forgive_address_s: float = Field(
        60.0, gt=0, le=86_400, description="seconds after which one failure of an address is forgiven"
    )


class RerankApiSettings(BaseModel):
    """What one request to the rerank routes may carry, and how many; they never take a place of the chat."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: int = Field(16, ge=0, le=1000, description="requests that may wait while others are judged")
    concurrency: int = Field(2, ge=1, le=64, description="requests judged at the same time")
    max_documents: int = Field(1_000, ge=1, description="documents, or pairs to score")
    max_characters: int = Field(1_000_000, ge=1, description="characters of one document")
    max_query_characters: int = Field(20_000, ge=1)
    max_body_bytes: int = Field(32_000_000, ge=1)


class ChromaSettings(BaseModel):
    """Where Chroma runs: embedded in the data directory, or a server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field("", description="empty: embedded")
    port: int = Field(8000, ge=1, le=65535)


class JobSettings(BaseModel):
    """Ingestion as a service: how many workers, how much at once, how often a crash is forgiven."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    parsers: int = Field(0, ge=0, le=256, description="files parsed at the same time; 0: one for each core")
    lease_s: float = Field(
        30.0, gt=0, description="seconds without a sign of life after which a job is given to another worker"
    )
    max_attempts: int = Field(3, ge=1, description="tries of a step that ends in a crash, before it fails")
    uploads_per_owner: int = Field(3, ge=1, description="files one owner may send at the same time")
    upload_idle_s: float = Field(
        60.0, gt=0, description="seconds a sender may be silent before the upload is given up"
    )
    disk_reserve_bytes: int = Field(
        200_000_000, ge=0, description="free space that uploads never use up; below it they are refused"
    )
    keep_failed_days: float = Field(
        30.0, gt=0, description="days the bytes of a failed file are kept, so that it can be tried again"
    )


class Settings(BaseModel):
    """Everything that can be set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=lambda: default_data_dir(), description="everything is kept here")
    profile: Profile = "auto"
    demo: bool = Field(True, description="load the demo knowledge base at the first start")
    trash_days: float = Field(
        30.0, ge=0, le=36_500, description="days what is deleted or replaced is kept; 0: not at all"
    )
    keep_answers_days: float = Field(
        90.0,
        ge=0,
        le=36_500,
        description="days questions, answers and unused conversations are kept, on this machine only; 0: not "
        "at all, and a conversation for an hour after its last question",
    )
    database_busy_s: float = Field(
        30.0, gt=0, description="seconds a writer waits where another process keeps the database locked"
    )
    models: ModelsSettings = ModelsSettings()
    server: ServerSettings = ServerSettings()
    access: AccessSettings = AccessSettings()
    rerank_api: RerankApiSettings = RerankApiSettings()
    embed_api: EmbedApiSettings = EmbedApiSettings()
    limits: LimitSettings = LimitSettings()
    log: LogSettings = LogSettings()
    costs: CostSettings = CostSettings()
    gaps: GapSettings = GapSettings()
    chroma: ChromaSettings = ChromaSettings()
    ingest: IngestSettings = IngestSettings()
    jobs: JobSettings = JobSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    rerank: RerankSettings = RerankSettings()
    generation: GenerationSettings = GenerationSettings()


def default_data_dir() -> Path:
    """``data/var`` in a checkout, the platform's user-data folder when installed."""
    if (CHECKOUT / "pyproject.toml").is_file():
        return CHECKOUT / "data" / "var"
    return Path(platformdirs.user_data_dir("touchstone", appauthor=False))


def shipped(name: str) -> Path:
    """A folder that travels with the product (``demo``, ``starter``), in a checkout or an installed wheel."""
    checkout = CHECKOUT / "data" / name
    return checkout if checkout.is_dir() else Path(__file__).resolve().parent / "data" / name


def load_settings(config: Path | None = None) -> Settings:
    """Defaults, then the TOML file, then the environment; the later one wins.

    The file is ``config``, else ``$TOUCHSTONE_CONFIG``, else ``touchstone.toml`` in the working directory
    where there is one. ``TOUCHSTONE_RETRIEVAL__TOP_K=50`` sets ``retrieval.top_k``. Raises ``SettingsError``
    with one line that names the setting, the value and the remedy.
    """
    environment = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    named = config or (Path(environment["TOUCHSTONE_CONFIG"]) if "TOUCHSTONE_CONFIG" in environment else None)
    environment.pop("TOUCHSTONE_CONFIG", None)
    _arm(environment.pop("TOUCHSTONE_FAILPOINTS", ""))
    values = _read_toml(named or Path("touchstone.toml"), required=named is not None)
    for name, value in sorted(environment.items()):
        _assign(values, name.removeprefix(PREFIX).lower().split("__"), value, name)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from error
    return settings.model_copy(update={"data_dir": settings.data_dir.expanduser().resolve()})


def _arm(failpoints: str) -> None:
    """Fail points are for tests of faults, and set by nothing but the environment."""
    try:
        arm(failpoints)
    except ValueError as error:
        raise SettingsError(f"TOUCHSTONE_FAILPOINTS: {error}") from error


def _read_toml(path: Path, *, required: bool) -> dict[str, object]:
    if not path.is_file():
        if required:
            raise SettingsError(f"settings file {path} does not exist; create it or unset TOUCHSTONE_CONFIG")
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path} is not valid TOML: {error}") from error


def _assign(values: dict[str, object], path: list[str], value: str, name: str) -> None:
    at = values
    for part in path[:-1]:
        inner = at.setdefault(part, {})
        if not isinstance(inner, dict):
            raise SettingsError(f"{name} goes below {part!r}, which the settings file gives a plain value")
        at = inner
    at[path[-1]] = value


def _one_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    variable = PREFIX + where.upper().replace(".", "__")
    if first["type"] == "extra_forbidden":
        return f"unknown setting {where!r} (variable {variable}); remove it or correct its name"
    return f"setting {where!r} (variable {variable}) cannot be {first['input']!r}: {first['msg']}"
