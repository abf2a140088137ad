"""A job: what it is to run, how far it has come, and which step comes next."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from northstar.names import EnvironmentName, ProjectRef

JobState = Literal["queued", "running", "registered", "succeeded", "failed"]
ENDED: frozenset[JobState] = frozenset({"succeeded", "failed"})


class JobRequest(BaseModel):
    """What a job is to run: a version's own source, on another window of data.

    Args:
        version: whose source is run again.
        data_from: first moment of the data, inclusive; ``None`` for all there is.
        data_until: end of the data, exclusive.
        propose_to: the environment into which the new version is proposed as a release.
        reason: why, in words; shown wherever the job is.
    """

    model_config = ConfigDict(frozen=True)

    version: int = Field(ge=1)
    data_from: datetime | None = None
    data_until: datetime | None = None
    propose_to: EnvironmentName | None = None
    reason: str = Field(default="", max_length=1000)

    @model_validator(mode="after")
    def _the_window_has_a_length(self) -> JobRequest:
        if self.data_from and self.data_until and self.data_from >= self.data_until:
            raise ValueError("data_from must come before data_until")
        return self


class Job(JobRequest):
    """A job and how far it has come.

    ``registered`` means that the version stands but has not been proposed yet; it is a state of
    its own so that a platform killed between the two goes on with the proposal. ``traceparent`` is
    the job's place in the trace of what led to it.
    """

    id: int
    squad: str
    project: str
    state: JobState
    requested_by: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: int = 0
    new_version: int | None = None
    message: str = ""
    traceparent: str = ""

    @property
    def project_ref(self) -> ProjectRef:
        """The project that the job trains for."""
        return ProjectRef(self.squad, self.project)
