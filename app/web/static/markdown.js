// @ts-check
/**
 * Model text to DOM: Markdown, then DOMPurify, then citation chips. Model text never becomes an element of its own
 * choosing: no HTML, no images, no links that the sources or the question do not hold.
 */
import MarkdownIt from "./vendor/markdown-it-15.0.3/markdown-it.esm.min.mjs";
import DOMPurify from "./vendor/dompurify-3.4.18/purify.es.mjs";

/**
 * @typedef {{links: Set<string>, chip: (number: number, position: number) => Node|null}} Context
 *   `links`: addresses that may be clicked; `chip`: what stands for a mark `[number]`, or null to leave it as text.
 *   `position` is the mark's index in code points.
 */

const MARK = /\[(\d{1,3})\]/g;
// A mark travels through Markdown as ⸨ordinal⸩ (rare punctuation, so emphasis next to it still closes).
const [OPEN, CLOSE] = ["\u2e28", "\u2e29"];
const URLS = /https?:\/\/[^\s<>"'`()[\]{}|\\^\u3000-\u303f\uff00-\uffef\u2018-\u201d]+/g;

/** @param {string} url */
function normal(url) {
  try {
    return /^https?:/i.test(url) ? new URL(url).href : null;
  } catch {
    return null;
  }
}

/** Every address that stands in these texts, whole: a prefix of one is not one. @param {string[]} texts */
export function linksIn(texts) {
  const found = texts.flatMap((text) => text.match(URLS) ?? []).map((url) => normal(url.replace(/[.,;:!?]+$/, "")));
  return new Set(found.filter((url) => url !== null));
}

const markdown = new MarkdownIt({ html: false, linkify: true }).disable("reference");
// CommonMark takes spaces between words for granted: between a closing quote and a Chinese word the second run may
// not close. As the CJK-friendly amendment has it (github.com/tats-u/markdown-cjk-friendly, specification.md), a Chinese, Japanese or Korean character
// on either side of a run of * or ~ lets it open before, and close behind, whatever is not a space.
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uffef]/u;
markdown.inline.State = class extends markdown.inline.State {
  /** @param {number} start @param {boolean} canSplitWord */
  scanDelims(start, canSplitWord) {
    const found = super.scanDelims(start, canSplitWord);
    const before = [...this.src.slice(Math.max(start - 2, 0), start)].at(-1) ?? " ";
    const after = [...this.src.slice(start + found.length, Math.min(start + found.length + 2, this.posMax))][0] ?? " ";
    if (!canSplitWord || !(CJK.test(before) || CJK.test(after))) return found;
    return { ...found, can_open: found.can_open || /\S/.test(after), can_close: found.can_close || /\S/.test(before) };
  }
};
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
markdown.renderer.rules.image = (tokens, i) => markdown.utils.escapeHtml(tokens[i].content || tokens[i].attrGet("src") || "");
markdown.core.ruler.push("house", (state) => {
  for (const token of state.tokens) {
    if (token.type.startsWith("heading_")) token.tag = `h${Math.min(6, Number(token.tag[1]) + 2)}`;
    const align = /text-align:(\w+)/.exec(String(token.attrGet("style") ?? ""));
    if (align) token.attrs = [["align", align[1]]];
  }
});
const ALLOWED = {
  ALLOWED_TAGS: ["p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"],
  ALLOWED_ATTR: ["href", "align", "start"],
  RETURN_DOM_FRAGMENT: true,
};

/**
 * @param {string} source @param {Context} context @param {number} [offset] code points before `source` in the answer
 * @returns {DocumentFragment}
 */
export function render(source, context, offset = 0) {
  /** @type {{text: string, node: Node}[]} */ const marks = [];
  const plain = (/** @type {string} */ text) => text.replaceAll(OPEN, "((").replaceAll(CLOSE, "))");
  let prepared = "";
  let done = 0;
  let points = offset;
  for (const match of source.matchAll(MARK)) {
    points += [...source.slice(done, match.index)].length;
    prepared += plain(source.slice(done, match.index));
    const node = context.chip(Number(match[1]), points);
    prepared += node ? `${OPEN}${marks.push({ text: match[0], node }) - 1}${CLOSE}` : match[0];
    done = match.index + match[0].length;
    points += match[0].length;
  }
  const fragment = DOMPurify.sanitize(markdown.render(prepared + plain(source.slice(done))), ALLOWED);
  for (const link of fragment.querySelectorAll("a")) checkLink(link, context.links);
  for (const code of fragment.querySelectorAll("pre")) code.tabIndex = 0; // scrolls sideways: by keyboard, too
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div");
    frame.className = "table-frame";
    frame.tabIndex = 0;
    table.replaceWith(frame);
    frame.append(table);
  }
  placeMarks(fragment, marks);
  return fragment;
}

/** @param {HTMLAnchorElement} link @param {Set<string>} allowed */
function checkLink(link, allowed) {
  const url = normal(link.getAttribute("href") ?? "");
  if (url !== null && allowed.has(url)) {
    Object.assign(link, { rel: "noopener noreferrer nofollow", target: "_blank" });
    return;
  }
  const text = link.textContent ?? "";
  const target = link.getAttribute("href") ?? "";
  link.replaceWith(...link.childNodes, target && normal(text) !== url ? ` (${target})` : "");
}

/** @param {DocumentFragment} fragment @param {{text: string, node: Node}[]} marks */
function placeMarks(fragment, marks) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode));
  for (const text of texts.filter((one) => one.data.includes(OPEN))) {
    const verbatim = text.parentElement?.closest("code, a");
    // Marks in a row keep together with the punctuation after them: no line starts with a full stop.
    text.replaceWith(...text.data.split(/((?:\u2e28\d+\u2e29)+\p{Po}*)/u).map((part) => {
      if (!part.startsWith(OPEN)) return part;
      const nodes = part.split(/\u2e28(\d+)\u2e29/).map((piece, i) => (i % 2 ? marks[Number(piece)] : piece));
      const group = document.createElement("span");
      group.className = "marks";
      group.append(...nodes.map((one) => (typeof one === "string" ? one : verbatim ? one.text : one.node)));
      return group;
    }));
  }
}

/** An answer that grows: finished blocks are rendered once, only the last one again. */
export class Growing {
  /** @param {HTMLElement} target @param {() => Context} context */
  constructor(target, context) {
    this.target = target;
    this.context = context;
    this.tail = target.appendChild(document.createElement("div"));
    this.text = "";
    this.settled = 0;
    this.frame = 0;
  }

  /** @param {string} piece */
  push(piece) {
    this.text += piece;
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    let rest = this.text.slice(this.settled);
    // Half a line settles nothing: "2" after a list is a paragraph, "2. two" its next item.
    const lines = rest.slice(0, rest.lastIndexOf("\n") + 1);
    const blocks = markdown.parse(lines, {}).filter((token) => token.level === 0 && token.map !== null);
    const last = blocks.at(-1)?.map?.[0] ?? 0;
    if (last > 0) {
      const end = rest.split("\n", last).join("\n").length + 1;
      this.tail.before(render(rest.slice(0, end), this.context()));
      this.settled += end;
      rest = rest.slice(end);
    }
    this.tail.replaceChildren(render(rest.replace(/\[\d{0,3}$/, ""), this.context()));
  }

  /** Draw nothing any more. */
  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  /** Nothing more comes: draw what is still to be drawn. */
  settle() {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.draw();
  }

  /** Replace everything by the final text. @param {string} text */
  finish(text) {
    this.stop();
    this.target.replaceChildren(render(text, this.context()));
  }
}
