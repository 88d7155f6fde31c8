"""What can be wrong with a data directory, in words: what it is, what repair does, what it cannot do."""

from dataclasses import dataclass

from app.result import View

EXAMPLES = 5  # names in one finding; its count says how many there are


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of damage. ``repair``: what it does, "" where it can do nothing; ``limit``: what it cannot."""

    found: str
    repair: str
    limit: str = ""


KINDS: dict[str, Kind] = {
    "database_damaged": Kind(
        "the database file is damaged",
        "",
        "restore the newest backup into a new directory: `touchstone restore BACKUP --to DIRECTORY`",
    ),
    "rows_orphaned": Kind(
        "{count} rows of table {where} belong to rows that are gone",
        "deletes them; nothing that is shown refers to them",
    ),
    "versions_left": Kind(
        "{count} versions of documents are neither shown nor worked on",
        "removes them from indexes and database",
    ),
    "jobs_stale": Kind(
        "{count} jobs are held by a worker that is gone",
        "gives them back; a running server goes on with them",
    ),
    "vectors_unstored": Kind(
        "{count} chunks of collection {where} have no usable vector in the database",
        "",
        "vectors have to be made again: `touchstone reindex {where}`",
    ),
    "index_damaged": Kind(
        "the vector index of collection {where} cannot be read",
        "builds it again from the vectors in the database; nothing is embedded",
    ),
    "vectors_missing": Kind(
        "{count} chunks of collection {where} are not in the vector index",
        "puts them in from the vectors in the database; nothing is embedded",
    ),
    "vectors_unknown": Kind(
        "{count} ids in the vector index of collection {where} are no chunks that are shown", "takes them out"
    ),
    "vectors_lost": Kind(
        "{count} of {of} vectors of collection {where} that were looked for do not find themselves",
        "builds the collection's vector index again from the vectors in the database; nothing is embedded",
    ),
    "partitions_unknown": Kind(
        "{count} parts of the vector index belong to no collection", "deletes them from the vector index"
    ),
    "segments_left": Kind(
        "{count} folders of the vector index belong to none of its parts", "deletes them; Chroma left them"
    ),
    "index_oversized": Kind(
        "the vector index takes {count} bytes for links between vectors; {of} would be usual",
        "builds the index of every collection again, which drops the old files",
    ),
    "words_damaged": Kind(
        "the word index contradicts itself",
        "takes out what cannot be read, counts again, then writes the word index again from the chunks",
    ),
    "words_missing": Kind(
        "{count} chunks of collection {where} are not in the word index", "adds them from the database"
    ),
    "words_unknown": Kind(
        "{count} rows of the word index are no chunks that are shown", "takes them out of the word index"
    ),
    "words_outdated": Kind(
        "{count} chunks of collection {where} were put into the word index by another version of Touchstone",
        "writes the collection's word index again from the chunks",
    ),
    "words_differ": Kind(
        "{count} of {of} chunks of collection {where} that were looked at have other words in the word index",
        "writes the collection's word index again from the chunks",
    ),
    "files_missing": Kind(
        "the uploaded bytes of {count} documents are missing",
        "",
        "what was read from them stays searchable, but no quote can be checked against the file; upload the "
        "same file again, or restore a backup",
    ),
    "files_damaged": Kind(
        "{count} uploaded files are not the bytes they were",
        "moves them into the folder `aside`, so that the same file can be uploaded again",
        "the right bytes are not here: upload the same file again, or restore a backup",
    ),
    "files_unused": Kind("{count} uploaded files belong to no document and no job", "deletes them"),
    "files_foreign": Kind(
        "{count} files among the uploaded bytes were not put there by Touchstone", "moves them into `aside`"
    ),
    "tmp_left": Kind("{count} temporary files were left behind", "deletes them"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``where``: a collection or table; ``of``: what the count is out of."""

    code: str
    count: int = 1
    where: str = ""
    of: int = 0
    examples: tuple[str, ...] = ()

    @property
    def found(self) -> str:
        """What it is."""
        return self._said(KINDS[self.code].found)

    @property
    def repair(self) -> str:
        """What ``--repair`` does about it; "" where it can do nothing."""
        return self._said(KINDS[self.code].repair)

    @property
    def limit(self) -> str:
        """What repair cannot do, and what helps instead; "" where it can do all."""
        return self._said(KINDS[self.code].limit)

    def _said(self, sentence: str) -> str:
        return sentence.format(count=f"{self.count:,}", of=f"{self.of:,}", where=repr(self.where))


class FindingView(View):
    """A finding as JSON."""

    code: str
    count: int
    where: str
    of: int
    examples: tuple[str, ...]
    found: str
    repair: str
    limit: str


class Diagnosis(View):
    """What was found; ``repaired`` lists what was there before and is not any more."""

    findings: tuple[FindingView, ...]
    repaired: tuple[FindingView, ...] = ()


def finding_view(finding: Finding) -> FindingView:
    """The finding with its sentences."""
    return FindingView(
        code=finding.code,
        count=finding.count,
        where=finding.where,
        of=finding.of,
        examples=finding.examples,
        found=finding.found,
        repair=finding.repair,
        limit=finding.limit,
    )
