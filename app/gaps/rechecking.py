"""A gap is asked again, down the very path of chat, to see whether it is answered by now."""

from collections.abc import Sequence

from app.answering import Stopped
from app.errors import BadRequest, NotFound
from app.gaps.details import again_view, nearest, wordings_of
from app.gaps.inbox import Inbox
from app.gaps.taking import best_relevance
from app.gaps.views import RecheckedView, RecheckList, WordingView
from app.result import Result, result_view
from app.services import Services
from retrieval.types import Language

MOST_WORDINGS = 20  # of one request, which waits for them


class Recheck:
    """The wordings of a gap that somebody wants asked again; checked before anything is asked."""

    def __init__(self, inbox: Inbox, gap_id: str, wording_ids: Sequence[str] | None) -> None:
        """``wording_ids`` None: all of them, those checked longest ago first, at most ``MOST_WORDINGS``.

        Raises ``NotFound``, also where no knowledge base behind the gap is left, and ``BadRequest`` for a
        wording that it does not have.
        """
        seen = inbox.get(gap_id)
        self._inbox, self._gap_id = inbox, gap_id
        self._names = inbox.names(seen.row.scope)
        if not self._names:
            raise NotFound("the knowledge bases of this gap are gone; dismiss it")
        every = {each.id: each for each in wordings_of(inbox, seen)}
        strange = [each for each in wording_ids or () if each not in every]
        if strange:
            raise BadRequest(f"the gap has no wording {strange[0]!r}; read it again for those it has")
        wanted = [every[each] for each in dict.fromkeys(wording_ids)] if wording_ids else _oldest(every)
        self._wanted = wanted[:MOST_WORDINGS]
        self._left = len(every) - len(self._wanted)

    def run(self, services: Services, language: Language, stopped: Stopped) -> RecheckList:
        """Ask one after the other, and keep what came of it. The answers are kept nowhere.

        What was not asked because it was told to stop counts as left. The state of the gap stays as it is:
        whoever reads this decides whether it is closed.
        """
        done = []
        for wording in self._wanted:
            if stopped():
                break
            done.append(self._one(services, wording, language, stopped))
        left = self._left + len(self._wanted) - len(done)
        inbox = self._inbox
        return RecheckList(data=tuple(done), left=left, gap=inbox.view(inbox.get(self._gap_id)))

    def _one(
        self, services: Services, wording: WordingView, language: Language, stopped: Stopped
    ) -> RecheckedView:
        ask = services.ask(wording.text, principal=self._inbox.principal, collections=self._names)
        events = services.answering.ask(ask, stopped)
        result = next(each for each in events if isinstance(each, Result))
        view = result_view(result, language)
        told = view.model_dump(mode="json")
        check = self._inbox.rows.checked(
            self._gap_id, wording.id, result.answer.outcome, best_relevance(told)
        )
        return RecheckedView(
            wording_id=wording.id,
            text=wording.text,
            again=again_view(check, wording.relevance),
            floor=result.floor,
            answer=view.answer,
            nearest=nearest([told]),
            notices=view.notices,
        )


def _oldest(every: dict[str, WordingView]) -> list[WordingView]:
    """Those never checked first, then those checked longest ago."""
    new = [each for each in every.values() if each.again is None]
    checked = [(each.again.checked_at, each.id, each) for each in every.values() if each.again is not None]
    return [*new, *(each for _, _, each in sorted(checked, key=lambda item: item[:2]))]
