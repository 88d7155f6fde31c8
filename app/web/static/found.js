// @ts-check
/** What one search found: every candidate through every stage, what was sent, and how long each stage took. */
import { chart } from "./chart.js";
import { duration, h, has, headingPath, streak, t, where } from "./dom.js";
import { moved } from "./judged.js";

/**
 * @typedef {import("./stream.js").Candidate & {text?: string, tokens?: number, collection?: string, document_id?: string}} Found
 * @typedef {{measure: string, low: number, high: number|null}} Scale
 * @typedef {{question: string, instruction: string, outcome: string, candidates: Found[], notices: {code: string, text: string}[],
 *   suggestions: string[], models: Record<string, string>, timings_ms: Record<string, number>, trace_id: string,
 *   floor?: number|null, scales?: Record<string, Scale>, collections?: string[], top_k?: number, top_n?: number,
 *   rerank_tokens?: number, answer?: string, passages?: import("./stream.js").Passage[]}} Search
 */

/** A measure with its range, never a bare per cent. @param {string} name @param {Search} search */
function scale(name, search) {
  const known = search.scales?.[name];
  if (!known) return t(`score.${name}`);
  const range = known.high === null ? `\u2265 ${known.low}` : `${known.low}\u2026${known.high}`;
  return `${t(`measure.${known.measure}`)} ${range}`;
}

/** @param {number|null|undefined} rank @param {number|null|undefined} score @param {number} digits */
const channel = (rank, score, digits) => h("td", { class: "figure" },
  rank ? `#${rank}` : h("span", { class: "quiet" }, t("not_found")),
  rank && typeof score === "number" ? h("span", { class: "quiet block" }, score.toFixed(digits)) : null);

/**
 * @param {Search} search @param {string} id of the table's heading
 * @param {((found: Found) => HTMLElement)|null} mark a control beside each passage, null for none
 */
export function foundTable(search, id, mark) {
  const judged = search.candidates.some((one) => one.ranks.rerank);
  const rank = (/** @type {Found} */ one) => one.ranks.rerank ?? one.ranks.fused ?? 0;
  const ordered = [...search.candidates].sort((a, b) => rank(a) - rank(b));
  const floor = judged && typeof search.floor === "number" ? search.floor : null;
  const below = floor === null ? -1 : ordered.findIndex((one) => one.relevance !== null && one.relevance < floor);
  const heads = [t("column.rank"), t("column.passage"), scale("relevance", search),
    search.scales ? `${t("column.fused")}: ${scale("fused", search)}` : t("column.fused"),
    `${t("column.vector")}: ${scale("vector", search)}`, `${t("column.lexical")}: ${scale("lexical", search)}`, t("column.tokens")];
  const rows = ordered.map((one, i) => h("tr", { class: `${one.passage ? "sent" : ""}${below >= 0 && i >= below ? " below-floor" : ""}` },
    h("td", { class: "figure" }, `${rank(one)} `, judged && one.ranks.fused ? moved(one.ranks.fused, rank(one)) : null),
    h("th", { scope: "row" },
      h("details", {}, h("summary", {}, where(one), one.passage ? h("span", { class: "flag gold" }, t("sent_as", { number: one.passage })) : null),
        one.text ? h("p", { class: "own-text" }, one.text) : h("p", { class: "quiet" }, t("no_text"))),
      h("span", { class: "quiet block" }, [headingPath(one), one.collection].filter(Boolean).join(" \u00b7 ")),
      mark?.(one)),
    h("td", {}, one.relevance === null ? h("span", { class: "quiet" }, t("unscored")) : streak(one.relevance)),
    h("td", { class: "figure" }, `#${one.ranks.fused}`, h("span", { class: "quiet block" }, Number(one.scores.fused).toFixed(4))),
    channel(one.ranks.vector, one.scores.vector, 3),
    channel(one.ranks.lexical, one.scores.lexical, 1),
    h("td", { class: "figure" }, one.tokens === undefined ? "\u2013" : String(one.tokens))));
  if (below >= 0) {
    rows.splice(below, 0, h("tr", { class: "floor" }, h("td", { colspan: String(heads.length) },
      t("floor", { floor: Number(floor).toFixed(2) }))));
  }
  return h("div", { class: "table-frame tall", tabindex: "0", role: "region", "aria-labelledby": id },
    h("table", { class: "ranking candidates-all" },
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, ...rows)));
}

/** What the generator would read, with its tokens. @param {Search} search */
export function sentPart(search) {
  const sent = search.candidates.filter((one) => one.passage).sort((a, b) => Number(a.passage) - Number(b.passage));
  const texts = new Map((search.passages ?? []).map((one) => [one.chunk_id, one.text]));
  const total = sent.reduce((sum, one) => sum + (one.tokens ?? 0), 0);
  return h("details", { class: "part" },
    h("summary", {}, t("sent", { count: sent.length }), total ? ` \u00b7 ${t("tokens", { count: total })}` : ""),
    sent.length === 0 ? h("p", { class: "quiet" }, t("sent_none")) : h("ol", { class: "sent-list" }, ...sent.map((one) => h("li", {},
      h("h4", {}, h("span", { class: "flag gold" }, t("sent_as", { number: one.passage })), " ", where(one)),
      h("p", { class: "own-text" }, one.text || texts.get(one.chunk_id) || t("no_text"))))));
}

/** The stages as a chart, and as the table it is drawn from. @param {Search} search */
export function timesPart(search) {
  const stages = Object.entries(search.timings_ms).filter(([name]) => has(`stage.${name}`));
  const address = `/charts/waterfall.svg?${new URLSearchParams(stages.map(([name, ms]) => ["stage", `${name}:${ms}`]))}`;
  const part = /** @type {HTMLDetailsElement} */ (h("details", { class: "part" }, h("summary", {}, t("times",
    { time: duration(search.timings_ms.total ?? 0) }))));
  part.addEventListener("toggle", () => part.append(chart(address), h("div", { class: "table-frame" }, h("table", { class: "ranking plain-table" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("column.stage")), h("th", { scope: "col" }, t("column.time")))),
    h("tbody", {}, ...stages.map(([name, ms]) => h("tr", {}, h("th", { scope: "row" }, t(`stage.${name}`)),
      h("td", { class: "figure" }, duration(ms)))))))), { once: true });
  return part;
}
