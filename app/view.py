"""The base of everything that leaves as JSON."""

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """The base of everything that leaves as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)
