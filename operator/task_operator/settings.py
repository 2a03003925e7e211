"""Every knob of the operator."""

from typing import Self

from pydantic import Field, model_validator

from runtime.settings import SidecarSettings
from task_operator.leader import Timing


class OperatorSettings(SidecarSettings):
    pubsub: str = Field(default="kafka-pubsub", description="Name of the Dapr pub/sub component")
    cluster: str = Field(default="local", description="Events have the source taskbell/<cluster>")
    workers: int = Field(default=8, ge=1, le=64, description="Objects reconciled at the same time")
    namespaces: tuple[str, ...] = Field(default=(), description="JSON list of namespaces to serve; empty: all")
    lease_namespace: str = Field(default="taskbell", description="Namespace of the Lease that says which replica works")
    lease_name: str = Field(
        default="taskbell-operator", description="Name of the Lease; operators for other namespaces need another one"
    )
    lease_duration_seconds: int = Field(
        default=15, ge=1, description="The others wait so long after the last renewal they saw; fail-over takes as long"
    )
    lease_renew_deadline_seconds: float = Field(
        default=10, gt=0, description="The one that works stops when it could not renew for so long"
    )
    lease_retry_period_seconds: float = Field(
        default=2, gt=0, description="Between two attempts to renew or to take it"
    )
    sweep_minutes: float = Field(
        default=15, gt=0, description="Between two comparisons of what is known with what the API server lists"
    )

    @property
    def timing(self) -> Timing:
        """Raises ValueError when the three do not fit together."""
        return Timing(
            lease_duration=self.lease_duration_seconds,
            renew_deadline=self.lease_renew_deadline_seconds,
            retry_period=self.lease_retry_period_seconds,
        )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        _ = self.timing
        return self
