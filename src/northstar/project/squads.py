"""Squads and projects: whose what is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from northstar.names import NAME_PATTERN, ProjectRef

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]


class Squad(BaseModel):
    """A product team and tenant: owner of projects, one MLflow workspace, one access scope."""

    model_config = ConfigDict(frozen=True)

    name: Name
    description: str = Field(default="", description="What the squad is about.")
    created_by: str
    created_at: datetime


class Project(BaseModel):
    """One model product of one squad."""

    model_config = ConfigDict(frozen=True)

    squad: Name = Field(description="Whose it is.")
    name: Name
    description: str = Field(default="", description="What the project is about.")
    created_by: str
    created_at: datetime

    @property
    def ref(self) -> ProjectRef:
        """The project's name with its squad's."""
        return ProjectRef(self.squad, self.name)
