"""``POST /v1/chat/completions``: a question as OpenAI's clients ask it, over the path that chat uses."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from app.access.assistants import VisibleAssistants
from app.access.principal import Principal
from app.access.visible import Visible
from app.answering import Event, Stopped
from app.api.openai import options
from app.api.openai.names import asked_by
from app.api.openai.reply import ChatCompletion, Reply
from app.api.openai.request import ChatBody
from app.api.openai.stream import ChatStream
from app.api.permitted import Asker
from app.api.single import only
from app.api.state import gate, language_of, services
from app.errors import InvalidParameter
from app.gate import Gate
from app.result import Result
from app.services import Services
from app.trace import Ask
from retrieval.types import Notice

MAX_BODY_BYTES = 2_000_000  # a client sends the whole conversation each time

routes = APIRouter(prefix="/v1", tags=["openai"])


@routes.post(
    "/chat/completions",
    max_body_size=MAX_BODY_BYTES,
    response_model=ChatCompletion,
    responses={200: {"content": {"text/event-stream": {}}, "description": "with ``stream``: chunks"}},
)
async def chat_completions(
    body: ChatBody,
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrance: Annotated[Gate, Depends(gate)],
    asker: Asker,
) -> Response:
    """Answer the last user message from the documents; earlier messages are the conversation before it.

    ``model`` is ``touchstone``, ``touchstone/`` and a knowledge base, or an assistant by its name.
    ``touchstone`` takes collections, top_k, top_n, instruction and rerank; in the answer it holds sources,
    notices and the outcome, and of a sales assistant the parts of its card and the approved answers. Closing
    the connection frees the model.
    """
    asked, notices = _asked(body, held, asker)
    answering, keep = held.answering, held.caretaker.answers.keep
    language, created = language_of(request), time.time()

    def work(stopped: Stopped) -> Iterator[Event]:
        for event in answering.ask(asked, stopped):
            yield keep(event, owner=asker.id) if isinstance(event, Result) else event

    def whole(stopped: Stopped) -> Iterator[Result]:
        yield from (event for event in work(stopped) if isinstance(event, Result))

    def reply(result: Result) -> Reply:
        return Reply(result, notices, language, str(request.base_url))

    visit = entrance.enter()
    if not body.stream:
        answer = reply(await only(visit, whole, request)).completion(model=body.model, created=created)
        return JSONResponse(answer.model_dump(mode="json"))
    return ChatStream(
        visit.run(work),
        visit,
        request,
        model=body.model,
        created=created,
        usage=bool(body.stream_options and body.stream_options.include_usage),
        reply=reply,
    )


def _asked(body: ChatBody, held: Services, asker: Principal) -> tuple[Ask, tuple[Notice, ...]]:
    """The question, checked, and what has to be said about the request. Raises what becomes an error."""
    options.refuse(body.given)
    if body.stream_options is not None and not body.stream:
        raise InvalidParameter("stream_options", "stream_options needs stream: true")
    conversation, extension = body.conversation(), body.extension
    models = held.models
    assistants = VisibleAssistants(held.caretaker.assistants, asker)
    sampling, about_sampling = body.sampling(held.settings.generation, samples=models.rewrites)
    how = asked_by(body.model, extension, Visible(held.collections, asker), assistants)
    how |= {"instruction": extension.instruction or None, "rerank": extension.rerank}
    how |= {"top_k": extension.top_k, "top_n": extension.top_n}
    asked = held.ask(conversation.question, principal=asker, **how)
    notices = (*conversation.notices, *about_sampling, *options.without_effect(body.given))
    return replace(asked, history=conversation.history, sampling=sampling), notices
