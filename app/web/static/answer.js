// @ts-check
/** One question and its answer: the stream, the finished answer, its sources, and how it came about. */
import { candidatesTable, inOrder } from "./candidates.js";
import { $, duration, h, has, headingPath, icon, pagesText, t, where } from "./dom.js";
import { Growing, linksIn } from "./markdown.js";
import * as panel from "./panel.js";

/** Which model does a stage's work. The whole identities stand in the details. */
const WORKERS = { recall: "embedder", rerank: "reranker" };

/** @param {string | undefined} identity @returns {string} " (name)", or nothing where no model took part */
const by = (identity) => (identity ? ` (${short(identity)})` : "");

/** A model's name without organisation, revision and precision. @param {string} identity */
const short = (identity) => identity.split(/[@:]/)[0].split("/").reduce((a, b) => (b.length > a.length ? b : a));

/**
 * @typedef {import("./stream.js").Request} Request
 * @typedef {import("./stream.js").Result} Result
 * @typedef {import("./stream.js").Passage} Passage
 * @typedef {import("./stream.js").Candidate} Candidate
 * @typedef {{ask: (request: Request, turn?: Turn) => void, fill: (question: string) => void}} Actions
 */

const VAGUE = "vague_question"; // said by the card's title rather than beside it
const STAGES = ["understand", "recall", "rerank", "select", "generate"];
const DETAILS = ["understand", "embed", "vector", "lexical", "fuse", "recall", "rerank", "select", "first_token",
  "generate", "total"];

export class Turn {
  /** @param {Request} request @param {Actions} actions */
  constructor(request, actions) {
    this.request = request;
    this.actions = actions;
    /** @type {Passage[]} */ this.passages = [];
    /** @type {import("./panel.js").Item[]} */ this.items = [];
    /** @type {Set<string>} */ this.links = new Set();
    this.progress = h("p", { class: "progress" });
    this.text = h("div", { class: "prose" });
    this.below = h("div", { class: "below" });
    this.above = h("ul", { class: "notices" });
    this.element = h("article", { class: "turn" },
      h("header", { class: "asked" },
        h("h2", {}, h("span", { class: "visually-hidden" }, `${t("you_asked")}: `), request.question),
        this.flags()),
      this.above, this.text, this.progress, this.below);
    this.start();
  }

  flags() {
    const { rerank, instruction } = this.request;
    if (rerank && !instruction) return null;
    return h("p", { class: "flags" }, rerank ? null : h("span", { class: "flag" }, t("rerank_off")),
      instruction ? h("span", { class: "flag" }, t("with_instruction", { instruction })) : null);
  }

  /** Make ready for a first or another try. */
  start() {
    this.growing = new Growing(this.text, () => this.context());
    this.text.replaceChildren(this.growing.tail);
    this.below.replaceChildren();
    this.above.replaceChildren();
    this.element.setAttribute("aria-busy", "true");
    this.doing("understand");
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
    if (next) this.doing(next === "rerank" && !this.request.rerank ? "select" : next);
  }

  /** @param {{passages: Passage[]}} data */
  sources({ passages }) {
    this.passages = passages;
    this.items = passages.map((passage) => ({ passage, citation: null }));
    this.links = linksIn([this.request.question, ...passages.map((passage) => passage.text)]);
    this.doing("generate");
  }

  /** @param {{text: string}} data */
  delta({ text }) {
    this.progress.hidden = true;
    this.growing.push(text);
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
      /** @type {HTMLElement|null} */ (this.text.querySelector(`.chip[data-item="${at}"]`));
    panel.open(this.items, index, opener ?? chipAt(index), chipAt);
  }

  /** @param {Result} result */
  finish(result) {
    this.result = result;
    this.passages = result.passages;
    this.links = linksIn([this.request.question, ...result.passages.map((passage) => passage.text)]);
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
    this.end();
    this.element.classList.add(`is-${result.outcome}`);
    this.growing.finish(result.answer);
    const vague = result.notices.some(({ code }) => code === VAGUE);
    this.above.replaceChildren(...result.notices.filter(({ code }) => code !== VAGUE).map(notice));
    if (result.outcome === "abstained") {
      this.text.prepend(h("h3", { class: "verdict" }, t(vague ? "vague_title" : "abstained_title")));
    }
    this.below.replaceChildren();
    if (result.outcome === "truncated") this.below.append(note(t("truncated")));
    if (result.outcome === "cancelled") this.below.append(note(t("stopped")));
    if (result.suggestions.length) this.suggest(result.suggestions);
    if (this.passages.length) this.below.append(this.sourceList(result.outcome === "abstained" ? "nearest" : "sources"));
    this.below.append(this.meta(result));
  }

  end() {
    this.element.removeAttribute("aria-busy");
    this.progress.hidden = true;
  }

  /** The reader stopped: what has come stays. */
  stop() {
    this.end();
    this.growing.finish(this.growing.text);
    this.below.append(note(t("stopped")), h("div", {}, this.again("retry", "retry", this.request, this)));
  }

  /** @param {import("./stream.js").Problem & {status?: number}} problem */
  fail(problem) {
    this.end();
    this.growing.finish(this.growing.text);
    const own = has(`error_${problem.code}`) ? t(`error_${problem.code}`, { status: problem.status ?? "" }) : "";
    this.below.append(h("div", { class: "failure" },
      h("h3", {}, t("error_title")), h("p", {}, problem.message || own || problem.code),
      problem.retryable && this.again("retry", "retry", this.request, this)));
  }

  /** @param {string} key @param {string} name @param {Request} request @param {Turn} [turn] */
  again(key, name, request, turn) {
    return h("button", { type: "button", class: name === "retry" ? "button" : "text-button",
      onclick: () => this.actions.ask(request, turn) }, t(key));
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

  /** @param {"sources"|"nearest"} key */
  sourceList(key) {
    return h("section", { class: "sources" }, h("h3", {}, t(key)), h("ol", {}, ...this.passages.map((passage) => {
      const index = this.items.findIndex((item) => item.passage.number === passage.number);
      const button = h("button", { type: "button", class: "source", onclick: () => this.open(index, button) },
        h("span", { class: "chip still" }, String(passage.number)),
        h("span", { class: "source-text" },
          h("span", { class: "source-title" }, [passage.title || passage.document, pagesText(passage.pages)].filter(Boolean).join(" · ")),
          h("span", { class: "source-path" }, headingPath(passage)),
          key === "sources" && this.items[index].citation === null && h("span", { class: "source-unused" }, t("not_cited"))));
      return h("li", {}, button);
    })));
  }

  /** @param {Result} result */
  meta(result) {
    const times = [...STAGES, "total"].filter((name) => name in result.timings_ms && name !== "understand" && name !== "select")
      .map((name) => `${t(`stage.${name}`)} ${duration(result.timings_ms[name])}${by(result.models[WORKERS[name]])}`);
    const copy = h("button", { type: "button", class: "text-button", onclick: () => this.copy(copy) }, t("copy"));
    const other = { ...this.request, rerank: !this.request.rerank };
    const details = this.details(result);
    details.hidden = true;
    const toggle = h("button", { type: "button", class: "text-button", "aria-expanded": "false", onclick: () => {
      details.hidden = !details.hidden;
      toggle.setAttribute("aria-expanded", String(!details.hidden));
    } }, t("details"), icon("chevron"));
    return h("footer", { class: "meta" },
      h("p", {}, [result.models.generator && t("answered_by", { generator: short(result.models.generator) }), ...times]
        .filter(Boolean).join(" · ")),
      h("div", { class: "actions" }, toggle, copy,
        result.candidates.length > 0 && this.again(other.rerank ? "ask_with_rerank" : "ask_without_rerank", "other", other)),
      details);
  }

  /** @param {HTMLElement} button */
  async copy(button) {
    const lines = this.passages.map((passage) => `[${passage.number}] ` + [passage.title, passage.document,
      pagesText(passage.pages), headingPath(passage)].filter((part, i, all) => part && all.indexOf(part) === i).join(" · "));
    const copied = await copyText(`${this.result?.answer ?? ""}\n\n${t("sources")}\n\n${lines.join("\n")}\n`);
    button.textContent = t(copied ? "copied" : "copy_failed");
    setTimeout(() => { button.textContent = t("copy"); }, 2500);
  }

  /** @param {Result} result */
  details(result) {
    const facts = (/** @type {string} */ title, /** @type {(string[])[]} */ rows) => h("section", {}, h("h4", {}, title),
      h("dl", { class: "facts" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
    return h("div", { class: "details" },
      result.candidates.length ? candidatesTable(result.candidates) : null,
      h("div", { class: "detail-columns" },
        facts(t("timings"), DETAILS.filter((name) => name in result.timings_ms)
          .map((name) => [t(`stage.${name}`), duration(result.timings_ms[name])])),
        facts(t("models"), [...Object.entries(result.models).filter(([role, model]) => model && has(`role.${role}`))
          .map(([role, model]) => [t(`role.${role}`), model]), [t("trace"), result.trace_id]])));
  }
}

/** Reranking that did not happen changes what the answer is worth: a banner. @param {import("./stream.js").Notice} one */
export const notice = ({ code, text }) => h("li", { class: code.includes("rerank") ? "notice warn" : "notice", "data-code": code }, text);

/** @param {string} text */
const note = (text) => h("p", { class: "hint-note" }, text);

/** Plain-HTTP addresses have no clipboard API: fall back to a selection. @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "visually-hidden", readonly: true });
    /** @type {HTMLTextAreaElement} */ (area).value = text;
    $("log").append(area);
    /** @type {HTMLTextAreaElement} */ (area).select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}
