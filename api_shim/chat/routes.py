"""`/chat`: everyday sentences in, what was done and said out."""

from fastapi import APIRouter, Request

from api_shim.access import UserRoute
from api_shim.bodies import ChatMessage, ConversationId
from api_shim.chat.service import Chat, ChatAnswer
from api_shim.shim import TheScope, TheShim

router = APIRouter(prefix="/api/{user_id}/chat", tags=["chat"], route_class=UserRoute)


@router.post("")
async def chat(body: ChatMessage, scope: TheScope, shim: TheShim, request: Request) -> ChatAnswer:
    """Send `conversation_id` of the answer with the next message: questions, "undo" and the time zone go by it."""
    return await Chat(shim, scope, request).answer(body)


@router.delete("/{conversation_id}", status_code=204)
async def forget_conversation(conversation_id: ConversationId, scope: TheScope, shim: TheShim) -> None:
    """Forgets what was said; what was done stays. Unknown ones are forgotten already."""
    await shim.memory.forget(scope.user_id, conversation_id)
