"""Every name, label, annotation and key is built here, once. Names chosen by us make creation repeatable."""

import hashlib

GROUP = "taskbell.dev"
VERSION = "v1alpha1"

FINALIZER = f"{GROUP}/operator"
USER_LABEL = f"{GROUP}/user"
SCHEDULE_UID_LABEL = f"{GROUP}/schedule-uid"
ACTOR_ANNOTATION = f"{GROUP}/actor"
AMENDED_ANNOTATION = f"{GROUP}/amended"
RETIRED_ANNOTATION = f"{GROUP}/retired"
ADOPT_ANNOTATION = f"{GROUP}/adopt"
"""`true` on a schedule that was restored: it takes in Tasks that name it, and makes none; on such a Task: it waits."""
RESTORED_ANNOTATION = f"{GROUP}/restored"
"""`true` on what comes from a backup: how it ended there is believed, and not told again."""


def task_name(schedule_name: str, schedule_uid: str, sequence: int) -> str:
    """The name of a schedule's Task number `sequence`: there is one successor of n, whoever computes it."""
    return f"{schedule_name}-{schedule_uid[:5]}-{sequence}"


def user_label(user_id: str) -> str:
    """A label value for any user id: the first 32 hex digits of its SHA-256 (label values hold no `:` or `@`)."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:32]


def actor(generation: int, subject: str) -> str:
    """The value of `taskbell.dev/actor`: who makes this generation of the object."""
    return f"{generation} {subject}"


def actor_of(annotation: str | None, generation: int) -> str | None:
    """Who made `generation`, or None when the annotation speaks of another one."""
    made, _, subject = (annotation or "").partition(" ")
    return subject if subject and made == str(generation) else None
