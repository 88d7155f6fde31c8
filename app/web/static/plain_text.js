// @ts-check
/** Drawn Markdown as the words one would send to somebody: no marks of sources, no signs of Markdown. */

const MARK = "\u0000"; // where a source's mark stood: no text of a page holds it
const BLOCKS = new Set(["P", "H3", "H4", "H5", "H6", "UL", "OL", "PRE", "BLOCKQUOTE", "TABLE", "HR", "DIV"]);

/** Without `[number]`, and without the space before it: what is left of the text when nobody needs its sources.
 * @param {string} text Markdown */
export const unmarked = (text) => text.replace(/[^\S\n]*\[\d{1,3}\]/g, "").trim();

/** @param {Node} place blocks are one empty line apart, items of lists and rows of tables one line */
export const plainText = (place) => blocks(place).filter(Boolean).join("\n\n").replace(/[^\S\n]*\u0000/g, "");

/** @param {Node} place @returns {string[]} */
function blocks(place) {
  const found = [""];
  for (const node of place.childNodes) {
    if (node instanceof HTMLElement && BLOCKS.has(node.tagName)) found.push(...block(node), "");
    else found[found.length - 1] += inline(node);
  }
  return found.map((each) => each.trim());
}

/** @param {HTMLElement} element @returns {string[]} */
function block(element) {
  if (element.tagName === "PRE") return [element.textContent?.trimEnd() ?? ""];
  if (element.tagName === "TABLE") {
    return [[...element.querySelectorAll("tr")].map((row) => [...row.children].map((cell) => inline(cell).trim()).join("\t")).join("\n")];
  }
  if (element.tagName === "UL" || element.tagName === "OL") {
    const first = Number(element.getAttribute("start") ?? 1);
    return [[...element.children].map((item, i) => {
      const sign = element.tagName === "UL" ? "- " : `${first + i}. `;
      return sign + blocks(item).filter(Boolean).join("\n").replaceAll("\n", `\n${" ".repeat(sign.length)}`);
    }).join("\n")];
  }
  if (element.tagName === "P" || element.tagName.startsWith("H")) return [inline(element)];
  return blocks(element);
}

/** @param {Node} node @returns {string} */
function inline(node) {
  if (node instanceof Text) return node.data.replace(/\s+/g, " ");
  if (!(node instanceof HTMLElement)) return "";
  if (node.tagName === "BR") return "\n";
  if (node.matches(".chip")) return MARK;
  const text = [...node.childNodes].map(inline).join("");
  return node instanceof HTMLAnchorElement && text !== node.href ? `${text} (${node.href})` : text;
}
