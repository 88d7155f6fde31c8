// @ts-check
/** One question and its answer: the stream, the state it ended in, the finished answer and its sources. */
import { inOrder } from "./candidates.js";
import { h, has, headingPath, notice, pagesText, t, where } from "./dom.js";
import { Growing, linksIn } from "./markdown.js";
import { footer } from "./meta.js";
import { offersPart } from "./offers.js";
import * as panel from "./panel.js";
import { SalesCard } from "./sales_card.js";
import { assistantOf } from "./scope.js";
import { saving } from "./snippet_saving.js";

/**
 * @typedef {import("./stream.js").Settings} Settings
 * @typedef {import("./stream.js").Message} Message
 * @typedef {import("./stream.js").Result} Result
 * @typedef {import("./stream.js").Passage} Passage
 * @typedef {import("./stream.js").Candidate} Candidate
 * @typedef {{again: (turn: Turn, settings?: Settings) => void, choose: (turn: Turn, message: string) => void,
 *   fill: (question: string) => void}} Actions `again`: have it answered once more, by other settings or the same
 */

const VAGUE = "vague_question"; // said by the card's title rather than beside it
export const STAGES = ["understand", "recall", "rerank", "select", "generate"];

export class Turn {
  /** @param {string} question @param {Settings} settings @param {Actions} actions */
  constructor(question, settings, actions) {
    this.question = question;
    this.settings = settings;
    this.actions = actions;
    /** @type {Message|null} */ this.message = null;
    /** @type {import("./stream.js").Assistant|null} */ this.assistant = null; // as far as the answer tells
    /** @type {string} */ this.id = ""; // of the answer that is shown, "" before the server has taken the question
    /** @type {Passage[]} */ this.passages = [];
    /** @type {import("./panel.js").Item[]} */ this.items = [];
    /** @type {Set<string>} */ this.links = new Set();
    this.progress = h("p", { class: "progress" });
    this.text = h("div", { class: "prose" });
    this.offers = h("div", {});
    this.card = new SalesCard(() => this.context());
    this.below = h("div", { class: "below" });
    this.above = h("ul", { class: "notices" });
    this.flags = h("p", { class: "flags" });
    this.element = h("article", { class: "turn" },
      h("header", { class: "asked" },
        h("h2", {}, h("span", { class: "visually-hidden" }, `${t("you_asked")}: `), question), this.flags),
      this.above, this.offers, this.text, this.card.element, this.progress, this.below);
    this.start();
  }

  /** Make ready for a first or another answer. */
  start() {
    this.flag();
    this.element.className = "turn";
    this.card.clear();
    this.offers.replaceChildren();
    [this.message, this.passages, this.items] = [null, [], []];
    this.growing?.stop();
    this.growing = new Growing(this.text, () => this.context());
    this.text.replaceChildren(this.growing.tail);
    this.below.replaceChildren();
    this.above.replaceChildren();
    this.element.setAttribute("aria-busy", "true");
    this.doing("understand");
  }

  /** With what it was asked, where that is not as usual. */
  flag() {
    const { rerank, instruction, assistant: id } = this.settings;
    const name = this.assistant?.name ?? (id ? assistantOf(id)?.name ?? t("assistant.gone") : "");
    this.flags.hidden = rerank && !instruction && !name;
    this.flags.replaceChildren(...[name && h("span", { class: "flag gold" }, t("assistant.by", { name })),
      !rerank && h("span", { class: "flag" }, t("rerank_off")),
      instruction && !name && h("span", { class: "flag" }, t("with_instruction", { instruction }))].filter((one) => one instanceof Node));
  }

  /** @param {string} stage */
  doing(stage, sentence = t(`doing.${stage}`)) {
    this.progress.hidden = false;
    this.progress.replaceChildren(h("span", { class: "working", "aria-hidden": "true" }, h("i"), h("i"), h("i")), sentence);
  }

  /** @param {{position: number}} data */
  queued({ position }) {
    if (position > 0) this.doing("queued", t("queued", { count: position }));
  }

  /** @param {{name: string}} data */
  stage({ name }) {
    const next = STAGES[STAGES.indexOf(name) + 1];
    if (next) this.doing(next === "rerank" && !this.settings.rerank ? "select" : next);
  }

  /** Approved answers that match. @param {{offers: import("./stream.js").Offer[]}} data */
  offered({ offers }) {
    this.offers.replaceChildren(offersPart(offers));
  }

  /** @param {{name: "say"|"internal", start: number}} data */
  part(data) {
    this.card.begin(data);
    this.doing("generate", t(`part.writing_${data.name}`));
  }

  /** Whether it is an answer in parts. */
  isCard() {
    return this.card.parts.length > 0;
  }

  /** @param {{passages: Passage[]}} data */
  sources({ passages }) {
    this.passages = passages;
    this.items = passages.map((passage) => ({ passage, citation: null }));
    this.links = linksIn([this.question, ...passages.map((passage) => passage.text)]);
    this.doing("generate");
  }

  /** @param {{text: string}} data */
  delta({ text }) {
    this.progress.hidden = true;
    if (!this.card.push(text)) this.growing.push(text);
  }

  /** The connection is lost, or there again. @param {boolean} away */
  lost(away) {
    this.element.classList.toggle("is-lost", away);
    if (away) this.doing("lost");
    else this.doing(this.growing.text || this.isCard() ? "generate" : "understand");
  }

  /** While streaming a mark leads to its passage; when the answer is complete, to its exact quote. */
  context() {
    return {
      links: this.links,
      chip: (/** @type {number} */ number, /** @type {number} */ position) => {
        const exact = this.items.findIndex(({ citation }) => citation?.number === number && citation.position === position);
        const index = exact >= 0 ? exact : this.items.findIndex(({ passage }) => passage.number === number);
        return index < 0 ? null : this.chip(index, exact >= 0 || this.items[index].citation === null);
      },
    };
  }

  /** @param {number} index @param {boolean} own whether it is the chip by which the panel finds this citation */
  chip(index, own) {
    const { passage } = this.items[index];
    const label = t("source", { number: passage.number, where: where(passage) });
    const chip = h("button", { type: "button", class: "chip", "aria-label": label, title: label,
      "data-item": own ? index : null, onclick: () => this.open(index, chip) }, String(passage.number));
    return chip;
  }

  /** @param {number} index @param {HTMLElement|null} [opener] */
  open(index, opener) {
    const chipAt = (/** @type {number} */ at) =>
      /** @type {HTMLElement|null} */ (this.element.querySelector(`.chip[data-item="${at}"]`));
    panel.open(this.items, index, opener ?? chipAt(index), chipAt);
  }

  /** The answer as the server keeps it, however it ended. @param {Message} message */
  finish(message) {
    this.end();
    this.message = message;
    this.id = message.id;
    const { result } = message;
    this.assistant = message.assistant ?? null;
    this.flag();
    this.offered({ offers: message.offers ?? result?.offers ?? [] });
    if (result) this.result(result, message);
    else this.written(message);
    const said = [...(result?.notices ?? []), ...message.notices].filter(({ code }, i, all) =>
      code !== VAGUE && !code.startsWith("answer_failed") && all.findIndex((other) => other.code === code) === i);
    this.above.replaceChildren(...said.map(notice));
    const hidden = message.withheld || message.wiped;
    this.element.classList.add(`is-${hidden ? "withheld" : result?.outcome ?? message.state}`);
    if (message.state === "failed") {
      const why = message.notices.find(({ code }) => code === "answer_failed")?.text ?? "";
      this.below.append(this.failure(why, message.retryable && (() => this.actions.again(this))));
    } else if (message.state !== "complete" && !hidden) {
      this.below.append(note(t(message.state === "interrupted" ? "interrupted" : "stopped")),
        h("div", {}, retry(() => this.actions.again(this))));
    }
    this.below.append(footer(this, message));
  }

  /** @param {Result} result @param {Message} message */
  result(result, message) {
    this.passages = result.passages;
    this.links = linksIn([this.question, ...result.passages.map((passage) => passage.text)]);
    const byNumber = new Map(result.passages.map((passage) => [passage.number, passage]));
    const cited = [...result.citations].sort((a, b) => a.position - b.position)
      .flatMap((citation) => {
        const passage = byNumber.get(citation.number);
        return passage ? [{ passage, citation }] : [];
      });
    const citedNumbers = new Set(cited.map(({ passage }) => passage.number));
    const uncited = result.passages.filter(({ number }) => !citedNumbers.has(number));
    this.items = [...cited, ...uncited.map((passage) => ({ passage, citation: null }))];
    if (result.outcome === "abstained" && !result.passages.length) this.nearest(result.candidates);
    this.written(message);
    if (result.outcome === "abstained") {
      const vague = result.notices.some(({ code }) => code === VAGUE);
      this.text.prepend(h("h3", { class: "verdict" }, t(vague ? "vague_title" : "abstained_title")));
    }
    this.below.replaceChildren();
    if (result.outcome === "truncated") this.below.append(note(t("truncated")));
    if (result.suggestions.length) this.suggest(result.suggestions);
    if (this.passages.length) this.below.append(this.sourceList(result.outcome === "abstained" ? "nearest" : "sources"));
  }

  /** The text of an answer: in parts where it has some. @param {Message} message */
  written(message) {
    const { result, state } = message;
    const [text, parts] = [message.text || (result?.answer ?? ""), message.parts ?? result?.parts ?? []];
    this.growing.finish(parts.length ? "" : text);
    this.card.finish(parts, text, state === "complete", (name, prose) => state === "complete" && name === "say" && saving(this, message, prose));
  }

  end() {
    this.element.removeAttribute("aria-busy");
    this.element.classList.remove("is-lost");
    this.progress.hidden = true;
  }

  /** The question did not reach the server, or its answer cannot be read. What came stays.
   * @param {import("./stream.js").Problem & {status?: number}} problem @param {() => void} again */
  fail(problem, again) {
    this.end();
    if (this.isCard()) this.card.settle();
    else this.growing.finish(this.growing.text);
    const own = has(`error_${problem.code}`) ? t(`error_${problem.code}`, { status: problem.status ?? "" }) : "";
    this.below.replaceChildren(this.failure(problem.message || own || problem.code, problem.retryable && again));
  }

  /** @param {string} why @param {(() => void)|false} again */
  failure(why, again) {
    return h("div", { class: "failure" }, h("h3", {}, t("error_title")), h("p", {}, why), again && retry(again));
  }

  /** Questions to click; where the answer lists the same ones as text, they take that list's place. @param {string[]} questions */
  suggest(questions) {
    const chips = h("ul", { class: "examples", "aria-label": t("suggestions") }, ...questions.map((question) => h("li", {},
      h("button", { type: "button", class: "example", onclick: () => this.actions.fill(question) }, question))));
    const list = [...this.text.querySelectorAll("ul")].find((one) => questions.includes(one.children[0]?.textContent?.trim() ?? ""));
    if (list) list.replaceWith(chips);
    else this.below.append(h("section", {}, h("h3", {}, t("suggestions")), chips));
  }

  /** Nothing was good enough to answer from: the best three candidates may still be looked at. @param {Candidate[]} candidates */
  nearest(candidates) {
    this.passages = inOrder(candidates).slice(0, 3).map((one, i) => ({ ...one, number: i + 1, text: "" }));
    this.items = this.passages.map((passage) => ({ passage, citation: null }));
  }

  /** The sources of an answer; on a card, those that were only read come when they are asked for. @param {"sources"|"nearest"} key */
  sourceList(key) {
    const list = (/** @type {Passage[]} */ passages) => h("ol", {}, ...passages.map((passage) => h("li", {}, this.source(key, passage))));
    const cited = new Set(this.items.flatMap(({ passage, citation }) => (citation ? [passage.number] : [])));
    const rest = this.isCard() && cited.size ? this.passages.filter(({ number }) => !cited.has(number)) : [];
    return h("section", { class: "sources" }, h("h3", {}, t(key)), list(this.passages.filter((each) => !rest.includes(each))),
      rest.length > 0 && h("details", { class: "only-read" }, h("summary", {}, t("only_read", { count: rest.length })), list(rest)));
  }

  /** @param {"sources"|"nearest"} key @param {Passage} passage */
  source(key, passage) {
    const index = this.items.findIndex((item) => item.passage.number === passage.number);
    const button = h("button", { type: "button", class: "source", onclick: () => this.open(index, button) },
      h("span", { class: "chip still" }, String(passage.number)),
      h("span", { class: "source-text" },
        h("span", { class: "source-title" }, [passage.title || passage.document, pagesText(passage.pages)].filter(Boolean).join(" · ")),
        h("span", { class: "source-path" }, headingPath(passage)),
        this.isCard() && passage.audience && h("span", { class: `badge ${passage.audience}` }, t(`audience.${passage.audience}`)),
        key === "sources" && this.items[index].citation === null && h("span", { class: "source-unused" }, t("not_cited"))));
    return button;
  }
}

/** @param {string} text */
const note = (text) => h("p", { class: "hint-note" }, text);

/** @param {() => void} again */
const retry = (again) => h("button", { type: "button", class: "button", onclick: again }, t("retry"));
