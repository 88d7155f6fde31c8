// @ts-check
/** Sentences, elements and small formats every module needs. Nothing here, or elsewhere, writes HTML strings. */

/** @type {{language: "zh"|"en", text: Record<string, string>, who: string}} */
const page = JSON.parse(/** @type {HTMLElement} */ (document.getElementById("page-data")).textContent || "");

export const language = page.language;
/** The id of whoever has signed in. */
export const who = page.who;
const days = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", { dateStyle: "medium", timeZone: "UTC" });
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });

/**
 * A sentence in the reader's language; with `count: 1` its `_one` form where there is one.
 * @param {string} key @param {Record<string, unknown>} [values]
 */
export function t(key, values = {}) {
  const sentence = (values.count === 1 && page.text[`${key}_one`]) || page.text[key];
  if (sentence === undefined) throw new Error(`no sentence ${key}`);
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** @param {string} key */
export const has = (key) => key in page.text;

/** @template {HTMLElement} [T=HTMLElement] @param {string} id @returns {T} */
export const $ = (id) => /** @type {T} */ (document.getElementById(id));

/**
 * An element. `on…` attributes are listeners; null, undefined and false attributes and children are left out.
 * @param {string} tag @param {Record<string, unknown>} [attributes] @param {...(Node|string|null|undefined|false)} children
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** @param {string} name */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.appendChild(document.createElementNS(space, "use")).setAttribute("href", `#i-${name}`);
  return svg;
}

/** @param {number} value milliseconds */
export function duration(value) {
  if (value >= 10000) return `${(value / 1000).toFixed(1)} s`;
  return value < 10 ? `${Number(value.toFixed(1))} ms` : `${numbers.format(value)} ms`;
}

/** A date without a time of day, the same in every time zone. @param {string} date such as 2027-01-31 */
export const day = (date) => days.format(new Date(`${date}T00:00:00Z`));

/** Who did something: where there are no accounts, everybody is the same person. @param {{id: string, name: string}} person */
export const personName = ({ id, name }) => (id === "local" ? t("local_person") : name);

/** A passage's pages as words, "" for formats without pages. @param {number[]} pages */
export function pagesText(pages) {
  if (pages.length === 0) return "";
  const [first, last] = [pages[0], pages[pages.length - 1]];
  return first === last ? t("page", { pages: first }) : t("page_range", { pages: `${first}–${last}` });
}

/** Title and pages of a source in one line. @param {{title: string, document: string, pages: number[]}} source */
export const where = (source) =>
  t("where", { title: source.title || source.document, pages: pagesText(source.pages) }).trim();

/** The heading path below the title. @param {{title: string, headings: string[]}} source */
export const headingPath = (source) => {
  const plain = (/** @type {string} */ text) => text.replace(/\s/g, "");
  return source.headings.filter((part) => part && plain(part) !== plain(source.title)).join(" › ");
};

/** A relevance as number and streak; its range is named beside it or in the column's head. @param {number} value */
export function streak(value) {
  const bar = h("span", { class: "streak", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(Math.max(0, Math.min(1, value))));
  return h("span", { class: "score" }, bar, h("span", { class: "number" }, value.toFixed(2)));
}

/** Reranking that did not happen changes what the answer is worth: a banner. @param {import("./stream.js").Notice} one */
export const notice = ({ code, text }) => h("li", { class: code.includes("rerank") ? "notice warn" : "notice", "data-code": code }, text);
