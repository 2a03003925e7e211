"""What a pass may fail of beside `Rejected` and the answers of the API server; `reconcile` says what follows."""


class Deferred(Exception):
    """Something outside has to happen first: look again in `delay` seconds."""

    def __init__(self, message: str, delay: float) -> None:
        super().__init__(message)
        self.delay = delay


class Deposed(Exception):
    """The lease is lost, or its deadline has passed: nothing more may be done in this term."""
