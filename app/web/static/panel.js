// @ts-check
/** The side panel: the passage a citation rests on, with the exact quote marked. */
import { $, h, headingPath, pagesText, streak, t } from "./dom.js";
import { getJson, Problem } from "./stream.js";

/**
 * @typedef {import("./stream.js").Citation} Citation
 * @typedef {import("./stream.js").Passage} Passage
 * @typedef {{passage: Passage, citation: Citation|null}} Item
 * @typedef {{text: string, start: number, before: string, after: string, collection: string, document: string,
 *   pages: number[], boxes: import("./pdf_page.js").Box[]}} Chunk
 */

const MARKDOWN = /\.(md|markdown)$/i;
const panel = $("panel");
const body = $("panel-body");
/** @type {Map<string, Promise<Chunk>>} */
const chunks = new Map();
/** @type {{items: Item[], index: number, opener: HTMLElement|null, chipAt: (index: number) => HTMLElement|null}|null} */
let shown = null;

/**
 * Where the quote stands in a passage, as [start, end) in UTF-16 units; null where it is not found whole: marking
 * the wrong sentence is worse than marking none. The server counts in code points from the document's start.
 * @param {string} text @param {Citation} citation @param {number|null} from the passage's place in its document
 * @returns {[number, number]|null}
 */
export function findQuote(text, citation, from) {
  if (!citation.quote) return null;
  if (from !== null && citation.start >= from) {
    const points = [...text];
    const start = points.slice(0, citation.start - from).join("").length;
    const quote = points.slice(citation.start - from, citation.end - from).join("");
    if (quote === citation.quote) return [start, start + quote.length];
  }
  const start = text.indexOf(citation.quote);
  return start < 0 ? null : [start, start + citation.quote.length];
}

/** @param {string} id @returns {Promise<Chunk>} */
function chunk(id) {
  let wanted = chunks.get(id);
  if (!wanted) {
    wanted = getJson(`/api/chunks/${encodeURIComponent(id)}`);
    wanted.catch(() => chunks.delete(id));
    chunks.set(id, wanted);
  }
  return wanted;
}

/** Markdown's own signs, dimmed; headings and bold text as such. No character is added or left out. */
const SIGNS = /^(#{1,6} +)(.*)$|(\*\*)([^*\n]+)(\*\*)|(`)([^`\n]+)(`)|^(\|[ :|-]+\|)$|(\|)/gm;
const SIGN_CLASSES = ["sign", "md-heading", "sign", "md-strong", "sign", "sign", "md-code", "sign", "sign", "sign"];

/** @param {string} text @param {boolean} isMarkdown @returns {[string, string][]} pieces with their class */
function pieces(text, isMarkdown) {
  /** @type {[string, string][]} */ const found = [];
  let done = 0;
  for (const match of isMarkdown ? text.matchAll(SIGNS) : []) {
    found.push([text.slice(done, match.index), ""]);
    match.slice(1).forEach((part, i) => part && found.push([part, SIGN_CLASSES[i]]));
    done = match.index + match[0].length;
  }
  return [...found, [text.slice(done), ""]];
}

/** @param {string} text @param {boolean} isMarkdown @param {[number, number]|null} [quote] */
function written(text, isMarkdown, quote = null) {
  const [start, end] = quote ?? [text.length, text.length];
  /** @type {(Node|string)[][]} */ const parts = [[], [], []]; // before, inside and after the quote
  let at = 0;
  for (const [piece, name] of pieces(text, isMarkdown)) {
    const cuts = [0, start - at, end - at, piece.length].map((cut) => Math.max(0, Math.min(cut, piece.length)));
    for (let i = 0; i < 3; i += 1) {
      const part = piece.slice(cuts[i], cuts[i + 1]);
      if (part) parts[i].push(name ? h("span", { class: name }, part) : part);
    }
    at += piece.length;
  }
  return [...parts[0], ...(quote ? [h("mark", {}, ...parts[1])] : []), ...parts[2]];
}

/** @param {Item} item @param {Chunk|null} loaded null until the neighbours are there */
function passageText({ passage, citation }, loaded) {
  const text = loaded?.text ?? passage.text;
  const quote = citation && findQuote(text, citation, loaded?.start ?? null);
  const isMarkdown = MARKDOWN.test(passage.document);
  return [
    citation && !quote && h("p", { class: "hint-note" }, t("panel.no_quote")),
    !citation && h("p", { class: "hint-note" }, t(passage.text ? "panel.not_cited" : "panel.nearest")),
    h("div", { class: "passage" },
      loaded?.before ? h("p", { class: "neighbour" }, ...written(loaded.before, isMarkdown)) : null,
      h("p", { class: "own" }, ...written(text, isMarkdown, quote)),
      loaded?.after ? h("p", { class: "neighbour" }, ...written(loaded.after, isMarkdown)) : null),
  ];
}

/** @param {Item} item */
function heading({ passage }) {
  return [
    h("h2", { class: "panel-title" }, h("span", { class: "chip still" }, String(passage.number)),
      h("span", {}, passage.title || passage.document)),
    h("p", { class: "quiet" }, [passage.document, pagesText(passage.pages), headingPath(passage)].filter(Boolean).join(" · ")),
    h("p", { class: "quiet panel-relevance" }, t("panel.relevance"),
      passage.relevance === null ? h("span", {}, t("panel.unscored")) : streak(passage.relevance)),
  ];
}

function draw() {
  if (!shown) return;
  const { items, index } = shown;
  const item = items[index];
  const text = h("div", {}, ...keep(passageText(item, null)));
  $("panel-heading").replaceChildren(...heading(item));
  body.replaceChildren(text);
  body.scrollTop = 0;
  $("panel-position").textContent = t("panel.position", { index: index + 1, count: items.length });
  $("panel-previous").toggleAttribute("disabled", index === 0);
  $("panel-next").toggleAttribute("disabled", index === items.length - 1);
  for (const old of document.querySelectorAll(".chip.current")) old.classList.remove("current");
  shown.chipAt(index)?.classList.add("current");
  const reveal = () => text.querySelector("mark")?.scrollIntoView({ block: "center" });
  reveal();
  const isShown = () => shown?.items[shown.index] === item && text.isConnected;
  chunk(item.passage.chunk_id).then(async (loaded) => {
    if (!isShown()) return;
    text.replaceChildren(...keep(passageText(item, loaded)));
    reveal();
    if (MARKDOWN.test(loaded.document)) {
      const { rendered } = await import("./rendered.js");
      const view = isShown() && rendered(loaded, item.citation?.quote ?? "");
      if (view) text.querySelector(".passage")?.replaceWith(view); // else the source stays, with the exact quote
      reveal();
    }
    if (!/\.pdf$/i.test(loaded.document) || !loaded.pages.length) return;
    const { pdfPages } = await import("./pdf_page.js");
    if (isShown()) body.append(pdfPages({ address: original(loaded), pages: loaded.pages, boxes: loaded.boxes, quote: item.citation?.quote ?? "" }));
  }).catch((error) => {
    if (!(error instanceof Problem)) throw error;
    if (isShown()) text.append(h("p", { class: "hint-note" }, t("panel.no_neighbours")));
  });
}

/** Where the file lies as it was uploaded. @param {Chunk} source */
const original = ({ collection, document: name }) =>
  `/api/collections/${encodeURIComponent(collection)}/documents/content?name=${encodeURIComponent(name)}`;

/** @param {(Node|null|false)[]} nodes @returns {Node[]} */
const keep = (nodes) => /** @type {Node[]} */ (nodes.filter(Boolean));

/**
 * Show one of an answer's citations. Focus goes to the panel and returns to `opener` when it closes.
 * @param {Item[]} items @param {number} index @param {HTMLElement|null} opener
 * @param {(index: number) => HTMLElement|null} chipAt the chip of each item in the answer
 */
export function open(items, index, opener, chipAt) {
  shown = { items, index, opener, chipAt };
  panel.hidden = false;
  $("scrim").hidden = false;
  document.body.classList.add("with-panel");
  draw();
  body.focus({ preventScroll: true });
}

/** Whether it was open. */
export function close() {
  if (!shown) return false;
  const { opener } = shown;
  shown = null;
  panel.hidden = true;
  $("scrim").hidden = true;
  document.body.classList.remove("with-panel");
  for (const old of document.querySelectorAll(".chip.current")) old.classList.remove("current");
  if (opener?.isConnected) opener.focus();
  return true;
}

/** To the previous (-1) or next (1) citation; false when the panel is closed. @param {number} by */
export function step(by) {
  if (!shown) return false;
  const index = shown.index + by;
  if (index < 0 || index >= shown.items.length) return true;
  shown.index = index;
  const chip = shown.chipAt(index);
  if (chip) shown.opener = chip;
  draw();
  chip?.scrollIntoView({ block: "nearest" });
  return true;
}

$("panel-close").addEventListener("click", close);
$("scrim").addEventListener("click", close);
$("panel-previous").addEventListener("click", () => step(-1));
$("panel-next").addEventListener("click", () => step(1));
