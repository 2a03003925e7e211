"""The one failure of the domain."""


class Rejected(Exception):
    """What was asked cannot be done until somebody edits the spec. `reason` is a CamelCase constant for machines."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
