"""Permits for fewer bits: files in the data directory that ``touchstone bench quantize`` writes."""

from dataclasses import asdict
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from rerank.permit import DtypePermit, DtypePermits


class PermitFile(BaseModel):
    """A ``DtypePermit`` as it stands in its file. Numbers must be finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    weights: str = Field(min_length=1)
    dtype: str = Field(min_length=1)
    device: str = Field(min_length=1)
    scheme: str
    model: str
    set_name: str
    queries: int = Field(ge=1)
    pairs: int = Field(ge=1)
    kendall_tau: float = Field(ge=-1, le=1)
    top_3_agreement: float = Field(ge=0, le=1)
    mrr_at_10_change: float | None = Field(ge=-1, le=1)
    floor: float = Field(ge=0, le=1)
    disagreements: int = Field(ge=0)
    disagreements_at_half: int = Field(ge=0)
    weights_mb: float | None
    float32_weights_mb: float | None
    ms_per_query: float = Field(ge=0)
    float32_ms_per_query: float = Field(ge=0)
    at: AwareDatetime


def permit_folder(data_dir: Path) -> Path:
    """Where permits are honoured."""
    return data_dir / "permits"


def write_permit(folder: Path, permit: DtypePermit) -> Path:
    """Write a permit in place of an earlier one for the same weights, dtype and device. Returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"permit-{permit.dtype}-{permit.device}-{permit.weights}.json"
    partial = target.with_suffix(".partial")
    partial.write_text(PermitFile(**asdict(permit)).model_dump_json(indent=1) + "\n", encoding="utf-8")
    partial.replace(target)
    return target


def read_permits(folder: Path) -> DtypePermits:
    """Every permit in a folder (none where it is missing); what cannot be read is named with its reason."""
    found: list[DtypePermit] = []
    unusable: list[str] = []
    for file in sorted(folder.glob("*.json")):
        try:
            found.append(DtypePermit(**PermitFile.model_validate_json(file.read_bytes()).model_dump()))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            unusable.append(f"{file.name} is no permit ({where + ': ' if where else ''}{first['msg']})")
        except OSError as error:
            unusable.append(f"{file.name} cannot be read ({error.strerror})")
    return DtypePermits(tuple(found), tuple(unusable))
