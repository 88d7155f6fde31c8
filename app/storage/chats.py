"""Everything that is kept of conversations, together."""

from collections.abc import Callable
from datetime import datetime, timedelta

from app.storage.conversations import Conversations
from app.storage.database import Database
from app.storage.feedback import FeedbackRows
from app.storage.message_events import MessageEvents
from app.storage.messages import Messages

UNKEPT = timedelta(hours=1)
"""How long a conversation lasts after its last question where questions and answers are not to be kept."""


class Chats:
    """The rows of conversations, messages, their events, and feedback, and how long they are kept."""

    def __init__(
        self, database: Database, *, now: Callable[[], datetime], days: float, trash_days: float
    ) -> None:
        """They are forgotten after ``days`` without a new question, and ``trash_days`` in the trash."""
        self.conversations = Conversations(database, now=now)
        self.messages = Messages(database, now=now)
        self.events = MessageEvents(database, now=now)
        self.feedback = FeedbackRows(database, now=now)
        self.trash = timedelta(days=trash_days)
        self._unused = timedelta(days=days) if days else UNKEPT

    def expire(self) -> int:
        """Forget what was kept long enough; how many conversations."""
        return self.conversations.forget(unused=self._unused, deleted=self.trash)
