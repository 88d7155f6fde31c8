"""The running server as the command line sees it: it owns the data directory, so commands go through it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import click
import httpx

from app.checks import Check, Checkup
from app.chunking import ChunkingView
from app.duplicates.report import DuplicatesView
from app.errors import TouchstoneError
from app.jobs.views import JobDetail, JobList, JobView
from app.kept_answers import PAGE, AnswerDetail, AnswerList
from app.listings import (
    BackView,
    CollectionList,
    CollectionView,
    DeletedView,
    DocumentList,
    DocumentView,
    InForce,
    InstructionList,
    InstructionView,
    Purged,
    TrashedView,
    TrashList,
    VersionList,
    VersionView,
)
from app.reports import FileReport, FileReportView, StepView, file_report
from app.result import ResultView, View
from app.settings import Settings
from app.storage.job_types import Duplicates, State
from app.storage.lock import read_owner
from generation.types import Delta
from ingest.pipeline import Progress

V = TypeVar("V", bound=View)
Data = dict[str, object]  # of an event; its view checks it
TIMEOUT = httpx.Timeout(10.0, read=None)  # an answer or a long document may take minutes
UNUSABLE = frozenset({"bad_request", "invalid", "too_large"})  # codes for what ``BadRequest`` means here


class ServerRefused(TouchstoneError):
    """The running server answered with a problem, or not at all."""

    code = "server"

    def __init__(self, message: str, problem: str = "") -> None:
        super().__init__(message)
        self.problem = problem
        self.exit_code = 2 if problem in UNUSABLE else 1


class RunningServer:
    """Asks, takes in files and keeps knowledge bases over HTTP at a server on this machine.

    ``token`` is the operator's, from the lock file; it is sent to ``url`` alone. Every method raises
    ``ServerRefused``. The names of ``Curator`` promise the same here.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.token = token

    @classmethod
    def of(cls, settings: Settings) -> "RunningServer | None":
        """The server that owns the data directory, or None where its owner serves nothing."""
        owner = read_owner(settings.data_dir)
        return cls(owner.url, owner.token) if owner and owner.url else None

    def ask(self, body: dict[str, object]) -> Iterator[Delta | ResultView]:
        """The answer's pieces, then the result."""
        for name, data in self._events("/api/ask", body):
            if name == "delta":
                yield Delta(str(data["text"]))
            elif name == "answer":
                yield ResultView.model_validate(data)

    def submit(
        self,
        path: Path,
        name: str,
        collection: str,
        *,
        duplicates: Duplicates = "keep",
        batch: str = "",
        instruction: str | None = None,
    ) -> JobView:
        """Send a file; see ``Desk``, as for the methods about jobs below."""
        params = {"name": name, "duplicates": duplicates, "batch": batch}
        if instruction is not None:
            params["instruction"] = instruction
        with path.open("rb") as file, self._client() as client:
            response = client.post(f"{_at(collection)}/documents", params=params, content=file)
        check_response(response)
        return JobView.model_validate_json(response.content)

    def jobs(
        self,
        *,
        collection: str = "",
        states: Sequence[State] = (),
        batch: str = "",
        cursor: str = "",
        limit: int = 50,
    ) -> JobList:
        """Jobs that fit, newest first."""
        about: dict[str, str | Sequence[str]] = {
            "collection": collection,
            "batch": batch,
            "cursor": cursor,
            "limit": str(limit),
            "state": [*states],
        }
        return self._call(JobList, "GET", "/api/jobs", params=about)

    def job(self, job_id: str) -> JobDetail:
        """One job with what happened to it."""
        return self._call(JobDetail, "GET", f"/api/jobs/{quote(job_id, safe='')}")

    def cancel_job(self, job_id: str) -> JobView:
        """End a job."""
        return self._call(JobView, "POST", f"/api/jobs/{quote(job_id, safe='')}/cancel")

    def retry_job(self, job_id: str, password: str = "") -> JobView:
        """Let a failed job go on."""
        body = {"password": password}
        return self._call(JobView, "POST", f"/api/jobs/{quote(job_id, safe='')}/retry", body=body)

    def collections(self) -> list[CollectionView]:
        """See ``Curator``, as for all that follow."""
        return list(self._call(CollectionList, "GET", "/api/collections").data)

    def collection(self, name: str) -> CollectionView:
        """One knowledge base."""
        return self._call(CollectionView, "GET", _at(name))

    def create(self, name: str, instruction: str | None = None) -> CollectionView:
        """Make a knowledge base."""
        body = {"name": name, "instruction": instruction}
        return self._call(CollectionView, "POST", "/api/collections", body=body)

    def delete_collection(self, name: str) -> CollectionView:
        """Delete a knowledge base."""
        return self._call(CollectionView, "DELETE", _at(name))

    def documents(self, collection: str) -> list[DocumentView]:
        """The documents of a knowledge base."""
        return list(self._call(DocumentList, "GET", f"{_at(collection)}/documents").data)

    def delete_document(self, collection: str, name: str) -> DeletedView:
        """Delete a document."""
        return self._call(DeletedView, "DELETE", f"{_at(collection)}/documents", params={"name": name})

    def trash(self, collection: str) -> list[TrashedView]:
        """The deleted documents that can be restored."""
        return list(self._call(TrashList, "GET", f"{_at(collection)}/trash").data)

    def restore(self, collection: str, name: str) -> BackView:
        """Show a deleted document again."""
        return self._call(BackView, "POST", f"{_at(collection)}/trash/restore", params={"name": name})

    def versions(self, collection: str, name: str) -> list[VersionView]:
        """The versions of a document that are shown or kept."""
        return list(self._call(VersionList, "GET", f"{_at(collection)}/versions", params={"name": name}).data)

    def rollback(self, collection: str, name: str, version: int) -> BackView:
        """Publish an old version of a document again."""
        params = {"name": name, "version": str(version)}
        return self._call(BackView, "POST", f"{_at(collection)}/rollback", params=params)

    def purge(self, collection: str, name: str | None = None) -> list[str]:
        """Delete for good what is kept."""
        params = {"everything": "true"} if name is None else {"name": name}
        return list(self._call(Purged, "DELETE", f"{_at(collection)}/trash", params=params).data)

    def duplicates(self, collection: str) -> DuplicatesView:
        """Near-duplicates and contradicting versions."""
        return self._call(DuplicatesView, "GET", f"{_at(collection)}/duplicates")

    def answers(self, *, cursor: str = "", limit: int = PAGE) -> AnswerList:
        """Answers that were given, newest first."""
        params = {"cursor": cursor, "limit": str(limit)}
        return self._call(AnswerList, "GET", "/api/answers", params=params)

    def answer(self, answer_id: str) -> AnswerDetail:
        """An answer that was given."""
        return self._call(AnswerDetail, "GET", f"/api/answers/{quote(answer_id, safe='')}")

    def chunking(self, collection: str) -> ChunkingView:
        """The size of its chunks."""
        return self._call(ChunkingView, "GET", f"{_at(collection)}/chunking")

    def set_chunking(self, collection: str, tokens: int | None, overlap: int | None) -> ChunkingView:
        """Cut what comes from now on to this size."""
        body = {"chunk_tokens": tokens, "chunk_overlap": overlap}
        return self._call(ChunkingView, "PUT", f"{_at(collection)}/chunking", body=body)

    def instructions(self, collection: str) -> list[InstructionView]:
        """Every wording of a rerank instruction."""
        return list(self._call(InstructionList, "GET", f"{_at(collection)}/instructions").data)

    def set_instruction(self, collection: str, instruction: str, note: str = "") -> int:
        """Put a wording into force."""
        body = {"instruction": instruction, "note": note}
        return self._call(InForce, "POST", f"{_at(collection)}/instructions", body=body).version

    def restore_instruction(self, collection: str, version: int) -> int:
        """Put an earlier wording into force."""
        return self._call(InForce, "POST", f"{_at(collection)}/instructions/{version}/restore").version

    def reindex(self, name: str, progress: Callable[[str], Progress]) -> Iterator[FileReport]:
        """Build the index of a knowledge base again."""
        for event, data in self._events(f"{_at(name)}/reindex"):
            if event == "step":
                step = StepView.model_validate(data)
                progress(step.name)(step.stage, step.completed, step.total)
            elif event == "report":
                yield file_report(FileReportView.model_validate(data))

    def checkup(self) -> Iterator[Check]:
        """What ``touchstone doctor`` finds there."""
        for each in self._call(Checkup, "POST", "/api/checkup").data:
            yield each.fine, each.sentence

    def _call(
        self,
        kind: type[V],
        method: str,
        path: str,
        *,
        body: Mapping[str, str | int | None] | None = None,
        params: Mapping[str, str | Sequence[str]] | None = None,
    ) -> V:
        """The answer to one request."""
        with self._client() as client:
            response = client.request(method, path, json=body, params=params)
        check_response(response)
        return kind.model_validate_json(response.content)

    def _events(self, path: str, body: dict[str, object] | None = None) -> Iterator[tuple[str, Data]]:
        """Name and data of each event of a stream, up to its error, which is raised."""
        name = ""
        with self._client() as client, client.stream("POST", path, json=body) as response:
            check_response(response)
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data: Data = json.loads(line.removeprefix("data: "))
                    if name == "error":
                        raise _refused(data["message"], data["code"])
                    yield name, data

    @contextmanager
    def _client(self) -> Iterator[httpx.Client]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        with httpx.Client(
            base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False, follow_redirects=False
        ) as client:
            try:
                yield client
            except httpx.HTTPError as error:
                raise ServerRefused(
                    f"the server at {self.url} does not answer ({type(error).__name__}); "
                    "is it starting or stopping? Try again shortly"
                ) from error


def _at(collection: str) -> str:
    return f"/api/collections/{quote(collection, safe='')}"


def say_where(server: RunningServer) -> None:
    """Tell the person that the running server does the work, with its own settings."""
    click.echo(f"(through the running server at {server.url}, with its settings and models)", err=True)


def check_response(response: httpx.Response) -> None:
    """Raise ``ServerRefused`` for a problem."""
    if response.is_success:
        return
    response.read()
    try:
        problem = response.json()
        detail, code = str(problem["detail"]), str(problem["code"])
    except (ValueError, KeyError):
        detail, code = f"status {response.status_code}", ""
    raise _refused(detail, code)


def _refused(detail: object, code: object) -> ServerRefused:
    return ServerRefused(f"the running server refused: {detail}", str(code))
