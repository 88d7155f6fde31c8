"""Passages become an answer: one text, or a card whose parts are written one after the other.

What is said to a customer is written first, by a prompt that holds passages for customers and nothing else:
what a generator has not read it cannot let slip.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from app.cards import Part, PartBegins, PartName
from generation.errors import GenerationError
from generation.generate import generate
from generation.prompt import build_prompt
from generation.protocols import Generator, Stopped
from generation.render import render
from generation.types import Answer, Citation, Delta, Outcome, Prompt, Sampling, Usage, Voice
from retrieval.types import Audience, Language, Notice, Passage

_PARTS: tuple[tuple[PartName, Audience], ...] = (("say", "customer"), ("internal", "internal"))
_WORST: tuple[Outcome, ...] = ("cancelled", "truncated", "answered")


@dataclass(frozen=True, slots=True)
class Plan:
    """One text to be written. ``name``: of the part of a card, None for an answer without parts."""

    name: PartName | None
    voice: Voice
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be written, of what, by whom. ``prompts``: those that were made, in their order."""

    question: str
    language: Language
    instruction: str
    plans: tuple[Plan, ...]
    generator: Generator
    sampling: Sampling
    prompts: list[Prompt]

    def prompt(self, plan: Plan) -> Prompt:
        """The prompt of one text. Raises ``GenerationError`` where not a sentence of it fits."""
        prompt = build_prompt(
            self.question,
            language=self.language,
            instruction=self.instruction,
            passages=plan.passages,
            count_tokens=self.generator.count_tokens,
            context_tokens=self.generator.context_tokens,
            max_answer_tokens=self.sampling.max_tokens,
            nonce=secrets.token_hex(8),
            voice=plan.voice,
        )
        self.prompts.append(prompt)
        return prompt


@dataclass(frozen=True, slots=True)
class Written:
    """The whole answer; ``parts`` are places in its text."""

    answer: Answer
    parts: tuple[Part, ...]


def plans_of(passages: Sequence[Passage], *, card: bool) -> tuple[tuple[Plan, ...], tuple[Notice, ...]]:
    """What is to be written from passages; a part of a card without any is not.

    Notice ``nothing_for_customers`` (count of the internal ones).
    """
    if not card:
        return (Plan(None, "answer", tuple(passages)),), ()
    split = [(name, tuple(one for one in passages if one.audience == each)) for name, each in _PARTS]
    plans = tuple(Plan(name, name, each) for name, each in split if each)
    if passages and plans[0].name != "say":
        return plans, (Notice.of("nothing_for_customers", count=len(passages)),)
    return plans, ()


def together(prompts: Sequence[Prompt]) -> Prompt | None:
    """The prompts of one answer as they are shown and counted: one behind the other."""
    if not prompts:
        return None
    return replace(
        prompts[0],
        passages=tuple(each for prompt in prompts for each in prompt.passages),
        messages=tuple(each for prompt in prompts for each in prompt.messages),
        tokens=sum(prompt.tokens for prompt in prompts),
        notices=tuple(dict.fromkeys(each for prompt in prompts for each in prompt.notices)),
        passage_tokens=tuple(each for prompt in prompts for each in prompt.passage_tokens),
    )


def write(task: Task, stopped: Stopped) -> Iterator[PartBegins | Delta | Written]:
    """The pieces of each text as they come, before those of a part where it begins; last the whole.

    All pieces concatenate to the raw text, with a heading above each part. Raises ``GenerationError`` where
    the generator fails before its first piece; one that fails later, or at a later part, leaves what is
    written (outcome truncated, notice ``generation_failed``). ``stopped`` ends it where it is. Notices
    ``say_not_answered`` and ``internal_not_answered``: see ``_whole``.
    """
    done: list[tuple[Plan, Answer]] = []
    failed: tuple[Notice, ...] = ()
    text = ""
    for plan in task.plans:
        begun = plan.name is None
        try:
            for event in generate(task.prompt(plan), task.generator, task.sampling, stopped):
                if isinstance(event, Answer):
                    done.append((plan, event))
                    continue
                if not begun and plan.name is not None:
                    begun, above = True, _above(plan.name, task.language, text)
                    yield PartBegins(name=plan.name, heading=len(text), start=len(text) + len(above))
                    yield Delta(above)
                    text += above
                text += event.text
                yield event
        except GenerationError as error:
            if not done:
                raise
            failed = (Notice.of("generation_failed", reason=error),)
            break
        if done[-1][1].outcome == "cancelled":
            break
    yield _whole(done, task.language, failed)


def _above(name: PartName, language: Language, before: str) -> str:
    """What stands between the text before and the words of a part."""
    heading = render("part", language, part=name)
    return f"\n\n{heading}\n\n" if before else f"{heading}\n\n"


def _whole(
    done: Sequence[tuple[Plan, Answer]], language: Language, failed: tuple[Notice, ...]
) -> Written:
    """The texts as one. A part that found no answer is left out, and said to be, where another found one."""
    first, answer = done[0]
    if first.name is None:
        return Written(answer, ())
    answered = [(plan, each) for plan, each in done if each.outcome != "abstained"]
    text, parts, citations = "", list[Part](), list[Citation]()
    for plan, each in answered:
        if plan.name is None or not each.text.strip():
            continue
        text += _above(plan.name, language, text)
        citations += [replace(one, position=one.position + len(text)) for one in each.citations]
        parts.append(Part(name=plan.name, start=len(text), end=len(text) + len(each.text)))
        text += each.text
    silent = [Notice.of(f"{plan.name}_not_answered") for plan, each in done if each.outcome == "abstained"]
    notices = [each for _, one in done for each in one.notices]
    outcomes = {each.outcome for _, each in answered} | ({"truncated"} if failed else set())
    whole = Answer(
        text=text if answered else answer.text,
        citations=tuple(citations),
        passages=tuple(sorted((p for _, one in done for p in one.passages), key=lambda p: p.number)),
        outcome=next((each for each in _WORST if each in outcomes), "abstained"),
        usage=Usage(
            sum(each.usage.prompt_tokens for _, each in done),
            sum(each.usage.completion_tokens for _, each in done),
        ),
        model=answer.model,
        notices=tuple(dict.fromkeys((*notices, *(silent if answered else ()), *failed))),
    )
    return Written(whole, tuple(parts))
