"""A server is killed at random moments, its start included, while several people upload, delete and ask.

Five rounds with one seed; ``FAULT_ROUNDS`` and ``FAULT_SEED`` in the environment ask for others.
"""

import hashlib
import json
import os
import random
import re
import sqlite3
import threading
import time
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.faults.forked import Server
from tests.faults.whole import ALWAYS, COLLECTION, chance, check_whole, contents, finish, opened

pytestmark = pytest.mark.fault
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "5"))
SEED = int(os.environ.get("FAULT_SEED", "7"))
PEOPLE, NAMES = 4, 4  # each of them has names of his own, so that the order of what he does is known
STARTING = 0.3  # of the kills come before the server is ready
SETTINGS = {
    "TRASH_DAYS": "0",
    "JOBS__MAX_ATTEMPTS": str(ALWAYS),
    "JOBS__UPLOADS_PER_OWNER": "50",
    "JOBS__DISK_RESERVE_BYTES": "0",
    "SERVER__QUEUE": "50",
}
DOCUMENTS = f"/api/collections/{COLLECTION}/documents"
MARK = re.compile(r"version (\d+) of (\S+)\.")


class World:
    """What the people did, and what each name may hold after it; shared by their threads."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.url = ""  # "" while there is no server
        self.over = threading.Event()
        self.counts: Counter[str] = Counter()
        self.may_be: defaultdict[str, set[str | None]] = defaultdict(lambda: {None})
        self.sections: dict[int, int] = {}
        self.faults: list[str] = []
        self._versions = 0
        self._guard = threading.Lock()

    def text(self, name: str, luck: random.Random) -> tuple[bytes, str]:
        """A new version of a document, each section of which names it; and its hash."""
        with self._guard:
            self._versions += 1
            version = self._versions
        sections = luck.choice((1, 2, 3, 60))
        words = [f"word{luck.randrange(500)}" for _ in range(60)]
        text = "".join(
            f"# Part {n}\n\nThis is version {version} of {name}. {' '.join(luck.sample(words, 40))}\n\n"
            for n in range(sections)
        )
        self.sections[version] = sections
        return text.encode(), hashlib.sha256(text.encode()).hexdigest()

    def looks_wrong(self, where: str, found: dict[str, set[int]]) -> None:
        """Note documents of which more than one version is seen at once."""
        self.faults += [f"{where}: {name} {seen}" for name, seen in found.items() if len(seen) > 1]


def _person(world: World, number: int) -> None:
    """Uploads new versions and deletes, one after the other, as long as a server answers."""
    luck = chance(SEED * 100 + number)
    while not world.over.is_set():
        url, name = world.url, f"{number}-{luck.randrange(NAMES)}.md"
        if not url:
            time.sleep(0.01)
            continue
        deletes = luck.random() < 0.15 and world.may_be[name] != {None}
        data, sha256 = world.text(name, luck)
        after = None if deletes else sha256
        world.may_be[name] = world.may_be[name] | {after}
        world.counts["attempted"] += 1
        try:
            if deletes:
                answer = httpx.delete(f"{url}{DOCUMENTS}", params={"name": name}, timeout=20)
            else:
                answer = httpx.post(url + DOCUMENTS, params={"name": name}, content=data, timeout=20)
        except httpx.HTTPError:
            world.counts["unanswered"] += 1
            continue
        if answer.is_success or (deletes and answer.status_code == 404):
            world.may_be[name] = {after}
            world.counts["deleted" if deletes else "acknowledged"] += 1
        elif answer.status_code != 503:  # while it starts
            world.faults.append(f"{name}: {answer.status_code} {answer.text}")


def _asker(world: World) -> None:
    """Asks, and looks into the database: of no document two versions are seen at once, or a part of one."""
    luck = chance(SEED)
    while not world.over.is_set():
        url = world.url
        try:
            if url:
                question = f"word{luck.randrange(500)} of version"
                body = {"question": question, "rerank": False, "top_n": 20}
                with httpx.stream("POST", f"{url}/api/ask", json=body, timeout=20) as response:
                    _check_answer(world, response)
        except httpx.HTTPError:
            pass
        _check_shown(world)
        time.sleep(0.02)


def _check_answer(world: World, response: httpx.Response) -> None:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:") and name == "answer":
            seen: defaultdict[str, set[int]] = defaultdict(set)
            for passage in json.loads(line.removeprefix("data:"))["passages"]:
                for version, document in MARK.findall(passage["text"]):
                    seen[document].add(int(version))
            world.looks_wrong("answer", seen)
            world.counts["answered"] += 1


def _check_shown(world: World) -> None:
    """What a reader is shown at this moment, straight from the rows."""
    try:
        with closing(sqlite3.connect(world.data_dir / "touchstone.sqlite3", timeout=0)) as connection:
            rows = connection.execute(
                "SELECT d.name, v.chunks, k.text FROM document d JOIN version v ON v.document_id = d.id"
                " AND v.version = d.current_version JOIN chunk k ON k.document_id = d.id"
                " AND k.version = d.current_version"
            ).fetchall()
    except sqlite3.Error:  # there is none yet, or it is just being recovered
        return
    seen: defaultdict[str, set[int]] = defaultdict(set)
    parts: Counter[str] = Counter()
    chunks: Counter[str] = Counter()
    wanted: dict[str, int] = {}
    for name, number, text in rows:
        chunks[name] += 1
        wanted[name] = number
        for version, document in MARK.findall(text):
            seen[document].add(int(version))
            parts[document] += 1
    world.looks_wrong("rows", seen)
    for name, versions in seen.items():
        whole = parts[name] == world.sections[min(versions)] and chunks[name] == wanted[name]
        if not whole:
            world.faults.append(f"rows: {name} has {parts[name]} parts and {chunks[name]} chunks")
    world.counts["looked"] += 1


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_random_kills_lose_nothing_that_was_acknowledged_and_show_no_half_version(tmp_path: Path) -> None:
    world, luck = World(tmp_path / "data"), chance(SEED)
    threads = [threading.Thread(target=_person, args=(world, number)) for number in range(PEOPLE)]
    threads.append(threading.Thread(target=_asker, args=(world,)))
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            server = Server(world.data_dir, SETTINGS)
            if luck.random() < STARTING:
                time.sleep(luck.uniform(0.0, 0.6))
                world.counts["killed while starting"] += 1
            else:
                world.url = server.listen()
                if luck.random() < 0.7:
                    server.ready()
                    world.counts["killed when ready"] += 1
                time.sleep(luck.uniform(0.05, 2.0))
            server.kill()
            world.url = ""
            world.counts["kills"] += 1
    finally:
        world.over.set()
        for thread in threads:
            thread.join()
    assert world.faults == []
    with opened(world.data_dir) as services:
        assert set(finish(services)) <= {"ready"}
        shown = contents(services)
        held = {name: row[0] for name, row in shown.items()}  # type: ignore[index]
        for name, may_be in world.may_be.items():
            assert held.get(name) in may_be, name
        assert set(held) <= set(world.may_be)
        check_whole(services)
        world.counts["shown"] = len(held)
        world.counts["chunks"] = services.collections.named(COLLECTION).chunks
    with opened(world.data_dir) as services:
        assert services.notices == ()
    assert world.counts["acknowledged"] >= ROUNDS
    print(dict(world.counts))  # noqa: T201 - the figures for docs/faults.md, shown by pytest -s
