"""What may go wrong here and a person can mend. Anything else is a bug and keeps its traceback."""


class LocalClusterError(Exception):
    """The local servers cannot do what was asked; the message says what to do about it."""


class MissingPrerequisiteError(LocalClusterError):
    """Something that must be installed on this machine is absent or too old."""


class BuildFailedError(LocalClusterError):
    """A tool did not build; carries the end of the builder's output."""


class PartFailedError(LocalClusterError):
    """A process ended, or was not ready in time; carries the end of its log."""


class NotReadyError(Exception):
    """A readiness check's "not yet": expected, and asked again. Its text is shown when the time is up."""
