// @ts-check
/** An answer in parts: what to say to the customer, and what is for colleagues only. */
import { copyButton } from "./copying.js";
import { h, icon, t } from "./dom.js";
import { Growing, render } from "./markdown.js";
import { plainText } from "./plain_text.js";

/**
 * @typedef {import("./stream.js").Part} Part
 * @typedef {import("./markdown.js").Context} Context
 * @typedef {{name: Part["name"], prose: HTMLElement, tools: HTMLElement, growing: Growing}} Drawn
 */

const ICONS = { say: "talks", internal: "lock" };

export class SalesCard {
  /** @param {() => Context} context */
  constructor(context) {
    this.context = context;
    this.element = h("div", { class: "sales" });
    /** @type {Drawn[]} */ this.parts = [];
    this.points = 0; // code points of the answer that have come, headings among them
  }

  clear() {
    for (const { growing } of this.parts) growing.stop();
    [this.parts, this.points] = [[], 0];
    this.element.replaceChildren();
  }

  /** A part begins. Text of the answer before `start` is its heading: the card has its own. @param {{name: Part["name"], start: number}} part */
  begin({ name, start }) {
    this.open(name);
    this.start = start;
  }

  /** Whether it is text of a part. @param {string} text */
  push(text) {
    const part = this.parts.at(-1);
    if (!part) return false;
    const letters = [...text];
    const rest = letters.slice(Math.max(0, (this.start ?? 0) - this.points)).join("");
    this.points += letters.length;
    if (rest) part.growing.push(rest);
    return true;
  }

  /** Nothing more comes of the part that is being written. */
  settle() {
    this.parts.at(-1)?.growing.settle();
  }

  /** The answer in its parts, as far as it was written. @param {Part[]} parts @param {string} answer @param {boolean} complete
   * @param {(part: Part["name"], prose: HTMLElement) => Node|false} tool of a part */
  finish(parts, answer, complete, tool) {
    this.clear();
    const letters = [...answer];
    for (const { name, start, end } of parts) {
      const { prose, tools } = this.open(name);
      prose.replaceChildren(render(letters.slice(start, end).join(""), this.context(), start));
      if (complete && name === "say") tools.append(copyButton(t("copy_for_customer"), () => plainText(prose), { class: "button copy" }));
      const more = tool(name, prose);
      if (more) tools.append(more);
    }
  }

  /** @param {Part["name"]} name @returns {Drawn} */
  open(name) {
    this.settle();
    const prose = h("div", { class: "prose" });
    const tools = h("div", { class: "say-tools" });
    const part = { name, prose, tools, growing: new Growing(prose, this.context) };
    this.parts.push(part);
    this.element.append(h("section", { class: name === "say" ? "say-card" : "internal-card", "aria-label": t(`part.${name}`) },
      h("header", { class: "say-head" }, h("h3", {}, icon(ICONS[name]), t(`part.${name}`)),
        name === "internal" && h("p", { class: "badge internal" }, t("part.internal_about"))),
      prose, tools));
    return part;
  }
}
