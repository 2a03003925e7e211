"""Lists to read only: pending reminders, the inbox, the audit trail."""

from fastapi import APIRouter

from api_shim.access import UserRoute
from api_shim.answers import AuditAnswer, InboxAnswer, PendingReminderAnswer
from api_shim.paging import Listing
from api_shim.shim import ThePage, TheScope, TheShim
from store.reading import AUDIT, INBOX, REMINDERS

router = APIRouter(prefix="/api/{user_id}", route_class=UserRoute)


@router.get("/reminders", tags=["reminders"])
async def list_reminders(query: ThePage, scope: TheScope, shim: TheShim) -> Listing[PendingReminderAnswer]:
    """Reminders still to come of open tasks, the next one first."""
    return await shim.listing(REMINDERS, scope, query, PendingReminderAnswer.model_validate)


@router.get("/inbox", tags=["reminders"])
async def list_inbox(query: ThePage, scope: TheScope, shim: TheShim) -> Listing[InboxAnswer]:
    """Reminders that have arrived, the newest first."""
    return await shim.listing(INBOX, scope, query, InboxAnswer.model_validate)


@router.get("/audit", tags=["audit"])
async def list_audit(query: ThePage, scope: TheScope, shim: TheShim) -> Listing[AuditAnswer]:
    """All that has happened, and who did it, the newest first."""
    return await shim.listing(AUDIT, scope, query, AuditAnswer.model_validate)
