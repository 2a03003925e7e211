"""One message: recall, understand, do, remember.

What changes something first claims the conversation's next turn, guarded by its ETag: of two messages at the same time
one is refused before it has done anything, and while nothing can be remembered nothing is done either.
"""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import JsonValue

from api_shim import answers, problems, tools
from api_shim.answers import Answer, TaskAnswer
from api_shim.bodies import ChatMessage
from api_shim.chat import conversation as talk
from api_shim.chat import grammar, matching, zones
from api_shim.chat.conversation import Ask, Do, Heard, Say, Setting
from api_shim.chat.matching import Thing
from api_shim.chat.memory import Remembered, overtaken
from api_shim.chat.records import Conversation, Question
from api_shim.problems import CONFLICT, INVALID, NOT_FOUND, Problem
from api_shim.shim import Shim
from api_shim.tools import BY_NAME, Outcome
from runtime import logs
from runtime.dapr import Unavailable
from store.reading import OPEN_TASKS, SCHEDULES, TASKS, Scope
from taskbell.calendar import zones as time_zones
from taskbell.resources import State

_TOLD = frozenset({NOT_FOUND, CONFLICT, INVALID})
"""What the person can mend is said in the conversation; the rest is the HTTP answer."""
_FORGETFUL = " I cannot remember this just now, so I could not undo it later."
_BEHIND = " Lists may not show it for some seconds."
_WITHOUT_ZONE = (grammar.Help, grammar.NeverMind, grammar.SetZone)

_log = logs.get(__name__)


class Action(Answer):
    """A tool that was called, and what it answered."""

    tool: str
    arguments: dict[str, JsonValue]
    result: dict[str, JsonValue]


class ChatAnswer(Answer):
    """`conversation_id` goes into the next message; null when nothing could be remembered, nor had to be."""

    conversation_id: str | None
    reply: str
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class Chat:
    """One person's turn."""

    shim: Shim
    scope: Scope
    request: Request

    async def answer(self, body: ChatMessage) -> ChatAnswer:
        remembered = await self._recalled(body.conversation_id)
        before = remembered.conversation
        zone = await self._zone(body, before)
        heard = self._heard(body.message, before)
        if zone is None:
            return await self._without_zone(heard, body.message, remembered)
        await self._note_zone(zone, before)
        setting = Setting(self.shim.now(), ZoneInfo(zone))
        remembered = _with(remembered, time_zone=zone)
        if heard is None and before.question and before.question.about != "zone":
            text = f"I did not understand that. {before.question.text}"
            return await self._said(remembered, text)
        step = await self._step(heard or Heard(body.message, self.shim.now()), setting, before)
        match step:
            case Say(text=text):
                remembered = _with(remembered, question=None)
                if zone not in {before.time_zone, body.time_zone}:
                    await self.shim.memory.keep(remembered)  # it was just named: forgetting it would be a loss
                    return ChatAnswer(conversation_id=remembered.id, reply=text, actions=[])
                return await self._said(remembered, text)
            case Ask(question=question):
                await self.shim.memory.keep(_with(remembered, question=question))
                return ChatAnswer(conversation_id=remembered.id, reply=question.text, actions=[])
            case Do():
                return await self._done(step, setting, _with(remembered, question=None))

    async def _recalled(self, conversation_id: str | None) -> Remembered:
        if conversation_id is not None:
            return await self.shim.memory.recall(self.scope.user_id, conversation_id)
        return Remembered(self.shim.conversation_id(), Conversation(user_id=self.scope.user_id), None)

    async def _zone(self, body: ChatMessage, before: Conversation) -> str | None:
        """The one just named, else the request's, the conversation's, the person's last one; never a silent UTC."""
        intent = grammar.understand(body.message, self.shim.now().replace(tzinfo=None))
        named = zones.named(intent.place) if isinstance(intent, grammar.SetZone) else None
        if before.question and before.question.about == "zone":
            named = named or talk.zone_in(body.message)
        if named:
            return named
        if body.time_zone is not None:
            return time_zones.zone(body.time_zone).key
        return before.time_zone or await self.shim.memory.zone_of(self.scope.user_id)

    async def _note_zone(self, zone: str, before: Conversation) -> None:
        if zone == before.time_zone:
            return
        try:
            await self.shim.memory.note_zone(self.scope.user_id, zone)
        except Unavailable as error:
            _log.warning("time zone not remembered", error=str(error))

    def _heard(self, message: str, before: Conversation) -> Heard | None:
        """The sentence to carry out; None for what is neither an answer to the open question nor a sentence."""
        now = self.shim.now()
        question = before.question
        if question is None:
            return Heard(message, now)
        if question.about == "zone" and talk.zone_in(message):
            return Heard(question.message, question.said_at)
        if answer := talk.answered(question, message):
            return answer
        # Local times do not matter for telling whether it is a sentence at all.
        unknown = isinstance(grammar.understand(message, now.replace(tzinfo=None)), grammar.Unknown)
        return None if unknown else Heard(message, now)

    async def _without_zone(self, heard: Heard | None, message: str, remembered: Remembered) -> ChatAnswer:
        intent = grammar.understand(message, self.shim.now().replace(tzinfo=None))
        if isinstance(intent, _WITHOUT_ZONE):
            nowhere = Setting(self.shim.now(), ZoneInfo("Etc/UTC"))  # none of these says a time
            step = talk.decide(Heard(message, self.shim.now()), nowhere, talk.Known())
            return await self._said(remembered, step.text if isinstance(step, Say) else talk.EXAMPLES)
        waiting = remembered.conversation.question
        kept = heard or (Heard(waiting.message, waiting.said_at) if waiting else Heard(message, self.shim.now()))
        text = talk.ASK_ZONE if heard else f"I know no such time zone. {talk.ASK_ZONE}"
        question = Question(about="zone", message=kept.message, said_at=kept.said_at, text=text)
        await self.shim.memory.keep(_with(remembered, question=question))
        return ChatAnswer(conversation_id=remembered.id, reply=text, actions=[])

    async def _step(self, heard: Heard, setting: Setting, before: Conversation) -> talk.Step:
        local = heard.said_at.astimezone(setting.zone).replace(tzinfo=None)
        intent = grammar.understand(heard.message, local)
        among: tuple[Thing, ...] = await self._things() if isinstance(intent, talk.Change) else ()
        closed = await self._closed() if isinstance(intent, grammar.Reopen) else []
        return talk.decide(heard, setting, talk.Known(among, closed, before.undo))

    async def _things(self) -> tuple[Thing, ...]:
        open_tasks, _ = await tools.gathered(self.shim, OPEN_TASKS, self.scope)
        schedules, _ = await tools.gathered(self.shim, SCHEDULES, self.scope)
        described = [tools.described(answers.schedule(each), self.shim.now()) for each in schedules]
        return matching.things([answers.task(each) for each in open_tasks], described)

    async def _closed(self) -> list[TaskAnswer]:
        found, _ = await tools.gathered(self.shim, TASKS, self.scope)
        closed = [task for task in map(answers.task, found) if task.state != State.OPEN]
        return sorted(closed, key=lambda task: task.closed_at or task.created_at, reverse=True)

    async def _said(self, remembered: Remembered, text: str) -> ChatAnswer:
        return ChatAnswer(conversation_id=await self._kept(remembered), reply=text, actions=[])

    async def _kept(self, remembered: Remembered) -> str | None:
        """Nothing was done or asked: in a conversation that begins, it is no loss to forget it."""
        try:
            await self.shim.memory.keep(remembered)
        except Unavailable:
            if remembered.etag is not None:
                raise
            return None
        return remembered.id

    async def _done(self, do: Do, setting: Setting, remembered: Remembered) -> ChatAnswer:
        tool = BY_NAME[do.call.tool]
        if tool.writes:
            remembered = await self._claimed(remembered)
        try:
            outcome = await tools.call(self.shim, self.scope, tool, dict(do.call.arguments))
        except Exception as failure:
            problem = problems.of(self.request, failure)
            if problem.kind not in _TOLD:
                raise
            undo = remembered.conversation.undo[:-1] if do.undoing else remembered.conversation.undo
            return await self._said(_with(remembered, undo=undo), f"That did not work. {problem.detail}")
        reply = talk.said(do, outcome.result, setting) + (_BEHIND if outcome.behind else "")
        action = Action(tool=do.call.tool, arguments=do.call.arguments, result=outcome.result)
        if not tool.writes:
            return ChatAnswer(conversation_id=await self._kept(remembered), reply=reply, actions=[action])
        return await self._remembered_done(do, outcome, remembered, ChatAnswer(
            conversation_id=remembered.id, reply=reply, actions=[action]
        ))  # fmt: skip

    async def _claimed(self, remembered: Remembered) -> Remembered:
        """Ours is the next turn, or the Problem 409; after this nobody else acts on what we have read."""
        turn = remembered.conversation.turn + 1
        await self.shim.memory.keep(_with(remembered, turn=turn))
        ours = await self.shim.memory.recall(self.scope.user_id, remembered.id)
        if ours.conversation.turn != turn:
            raise overtaken()
        return ours

    async def _remembered_done(
        self, do: Do, outcome: Outcome, remembered: Remembered, answer: ChatAnswer
    ) -> ChatAnswer:
        # The write is done: whatever happens here, it is answered as a success.
        undo = talk.remembered(do, outcome.result, remembered.conversation.undo)
        try:
            await self.shim.memory.keep(_with(remembered, undo=undo))
        except (Unavailable, Problem) as error:
            _log.warning("conversation not remembered", error=str(error))
            return answer.model_copy(update={"reply": answer.reply + _FORGETFUL})
        return answer


def _with(remembered: Remembered, **changes: object) -> Remembered:
    return replace(remembered, conversation=remembered.conversation.model_copy(update=changes))
