// @ts-check
/** A passage of a Markdown document as its reader would see it, with the quote marked. */
import { h } from "./dom.js";
import { render } from "./markdown.js";

/** Nothing in a source may be clicked: it is looked at, not followed. */
const INERT = { links: new Set(), chip: () => null };

const NUMBERS = /^\s*\d+[.)]\s+/gm;

/** @param {string} text @returns {string} letters and digits in their plain forms */
const folded = (text) => text.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/**
 * The document's part around a passage. Gives null where the quote is not found whole in what is shown.
 * @param {{before: string, text: string, after: string}} passage @param {string} quote "" for none
 */
export function rendered({ before, text, after }, quote) {
  const part = (/** @type {string} */ name, /** @type {string} */ source) => {
    const element = h("div", { class: `prose ${name}` });
    element.append(render(source, INERT));
    return element;
  };
  const own = part("own", text);
  if (quote && !markQuote(own, quote)) return null;
  return h("div", { class: "passage rendered" }, before && part("neighbour", before), own, after && part("neighbour", after));
}

/** @param {HTMLElement} place @param {string} quote whether it was found */
function markQuote(place, quote) {
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */ const nodes = [];
  while (walker.nextNode()) nodes.push(/** @type {Text} */ (walker.currentNode));
  let all = "";
  /** @type {[number, number][]} */ const from = []; // the node of each letter, and its place there
  nodes.forEach((node, i) => {
    let at = 0;
    for (const letter of node.data) {
      const plain = folded(letter);
      all += plain;
      for (let unit = 0; unit < plain.length; unit += 1) from.push([i, at]);
      at += letter.length;
    }
  });
  // The numbers of list items are drawn, not written: they are no text any more.
  const [wanted, start] = [quote, quote.replace(NUMBERS, "")].map(folded)
    .map((one) => /** @type {[string, number]} */ ([one, one ? all.indexOf(one) : -1])).find(([, at]) => at >= 0) ?? ["", -1];
  if (start < 0) return false;
  const [first, last] = [from[start], from[start + wanted.length - 1]];
  for (let i = first[0]; i <= last[0]; i += 1) {
    const node = nodes[i];
    const [begin, end] = [i === first[0] ? first[1] : 0, i === last[0] ? last[1] + 1 : node.length];
    if (!node.data.slice(begin, end).trim()) continue;
    const middle = node.splitText(begin);
    middle.splitText(end - begin);
    const mark = h("mark", {});
    middle.replaceWith(mark);
    mark.append(middle);
  }
  return true;
}
