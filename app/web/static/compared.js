// @ts-check
/** Two searches for one question: which passages moved, which were sent by only one of them, whether the answers differ. */
import { h, headingPath, t, where } from "./dom.js";
import { moved } from "./judged.js";

/** @typedef {import("./found.js").Search} Search @typedef {import("./found.js").Found} Found */
/** @typedef {{one: {title: string, document: string, pages: number[], headings: string[]}, before: number, after: number, sentBefore: number, sentAfter: number}} Row ranks and numbers, 0 for none */

/** @param {Search} a @param {Search} b @returns {Row[]} everything either found or sent, in the order of b, then of a */
function rowsOf(a, b) {
  /** @type {Map<string, Row>} */ const rows = new Map();
  const row = (/** @type {{chunk_id: string, title: string, document: string, pages: number[], headings: string[]}} */ one) => {
    const made = rows.get(one.chunk_id) ?? { one, before: 0, after: 0, sentBefore: 0, sentAfter: 0 };
    rows.set(one.chunk_id, made);
    return made;
  };
  b.candidates.forEach((one, i) => { row(one).after = i + 1; });
  a.candidates.forEach((one, i) => { row(one).before = i + 1; });
  b.passages.forEach((one) => { row(one).sentAfter = one.number; });
  a.passages.forEach((one) => { row(one).sentBefore = one.number; });
  const last = a.candidates.length + b.candidates.length;
  return [...rows.values()].sort((x, y) => (x.after || last) - (y.after || last) || (x.before || last) - (y.before || last));
}

/** @param {number} rank */
const place = (rank) => (rank ? `#${rank}` : h("span", { class: "quiet" }, t("not_found")));

/** @param {number} number */
const sent = (number) => (number ? h("span", { class: "flag gold" }, t("sent_as", { number })) : h("span", { class: "quiet" }, t("changed.not_sent")));

/** @param {Row[]} rows @param {string} label */
function table(rows, label) {
  return h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-label": label }, h("table", { class: "ranking" },
    h("thead", {}, h("tr", {}, ...["column.passage", "changed.rank_a", "changed.rank_b", "changed.moved", "changed.sent_a", "changed.sent_b"]
      .map((key) => h("th", { scope: "col" }, t(key))))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, h("th", { scope: "row" }, where(row.one), h("span", { class: "quiet block" }, headingPath(row.one))), h("td", { class: "figure" }, place(row.before)),
      h("td", { class: "figure" }, place(row.after)), h("td", {}, row.before && row.after ? moved(row.before, row.after) : "\u2013"),
      h("td", {}, sent(row.sentBefore)), h("td", {}, sent(row.sentAfter)))))));
}

/** @param {Search} a @param {Search} b */
export function comparison(a, b) {
  const rows = rowsOf(a, b);
  const evidence = rows.filter((row) => row.sentBefore || row.sentAfter);
  const others = rows.filter((row) => !row.sentBefore && !row.sentAfter);
  const both = evidence.filter((row) => row.sentBefore && row.sentAfter).length;
  const facts = [t("changed.evidence", { both, a: a.passages.length - both, b: b.passages.length - both }),
    a.answer && b.answer && t(a.answer === b.answer ? "changed.same_answer" : "changed.other_answer")];
  return h("section", { class: "changes" }, h("h3", {}, t("changed.title")), h("p", {}, facts.filter(Boolean).join(" ")),
    evidence.length > 0 && table(evidence, t("changed.title")),
    others.length > 0 && h("details", { class: "part" }, h("summary", {}, t("changed.others", { count: others.length })),
      table(others, t("changed.others", { count: others.length }))));
}
