// @ts-check
/** What one search found: every candidate through every stage, where the cut was made, and how long each stage took. */
import { api } from "./api.js";
import { chart } from "./chart.js";
import { duration, h, has, headingPath, streak, t, where } from "./dom.js";
import { moved } from "./judged.js";
import { Problem } from "./stream.js";

/**
 * @typedef {import("./stream.js").Candidate & {text?: string, tokens?: number|null, collection?: string, document_id?: string}} Found
 * @typedef {import("./stream.js").Passage & {tokens?: number|null, completes?: number|null}} Sent
 * @typedef {{measure: string, low: number, high: number|null}} Scale
 * @typedef {{tokens: number, context_tokens: number, messages: {role: string, content: string}[]}} Prompt
 * @typedef {{question: string, instruction: string, outcome: string, candidates: Found[], notices: {code: string, text: string}[],
 *   suggestions: string[], models: Record<string, string>, timings_ms: Record<string, number>, trace_id: string,
 *   floor?: number|null, scales?: Record<string, Scale>, collections?: string[], top_k?: number, top_n?: number,
 *   rerank_tokens?: number, answer?: string, passages: Sent[], prompt?: Prompt|null, prompt_tokens?: number|null}} Search
 *   `scales` and the texts of candidates come with a search, not with an answer that was kept
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

/** A candidate's name; its text opens below it, and is fetched where it did not come along. @param {Found} one @param {string} sentText */
function words(one, sentText) {
  const known = one.text || sentText;
  const text = h("p", { class: known ? "own-text" : "quiet" }, known || t("text_loading"));
  const details = h("details", {}, h("summary", {}, where(one),
    one.passage ? h("span", { class: "flag gold" }, t("sent_as", { number: one.passage })) : null), text);
  if (!known) details.addEventListener("toggle", () => textOf(one.chunk_id, text), { once: true });
  return details;
}

/** The text of a passage as it stands now: an answer keeps only what was sent. @param {string} id @param {HTMLElement} place */
async function textOf(id, place) {
  try {
    const chunk = await api(`/api/chunks/${encodeURIComponent(id)}`);
    place.replaceWith(h("p", { class: "quiet" }, t("text_now")), h("p", { class: "own-text" }, chunk.text));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    place.textContent = error.message || t("no_text");
  }
}

/**
 * The lines of a list of candidates: behind how many rows each stands, in words.
 * @param {Search} search @returns {{at: number, words: string}[]}
 */
function lines({ candidates, floor, top_n: most, passages }) {
  const found = [];
  const ids = new Set(passages.filter((one) => !one.completes).map((one) => one.chunk_id)); // without those that complete one
  const chosen = ids.size;
  const filled = Boolean(most) && chosen >= Number(most);
  if (filled) found.push({ at: candidates.findLastIndex((one) => ids.has(one.chunk_id)) + 1, words: t("cut_n", { count: Number(most) }) });
  if (typeof floor === "number" && candidates.some((one) => one.relevance !== null)) {
    const below = candidates.findIndex((one) => one.relevance === null || one.relevance < floor);
    const about = t(below < 0 ? "floor_all" : "floor", { floor: floor.toFixed(2) });
    found.push({ at: below < 0 ? candidates.length : below,
      words: filled || !most ? about : `${about} ${t("cut_n_open", { count: most, chosen })}` });
  }
  return found;
}

/**
 * @param {Search} search @param {string} id of the table's heading
 * @param {((found: Found) => HTMLElement)|null} mark a control beside each passage, null for none
 */
export function foundTable(search, id, mark) {
  const { candidates } = search;
  const judged = candidates.some((one) => one.ranks.rerank);
  const texts = new Map(search.passages.map((one) => [one.chunk_id, one.text]));
  const cuts = lines(search);
  const below = (/** @type {Found} */ one) => judged && typeof search.floor === "number" && (one.relevance ?? -1) < search.floor;
  const heads = [t("column.rank"), t("column.passage"), scale("relevance", search),
    search.scales ? `${t("column.fused")}: ${scale("fused", search)}` : t("column.fused"),
    `${t("column.vector")}: ${scale("vector", search)}`, `${t("column.lexical")}: ${scale("lexical", search)}`, t("column.tokens")];
  const rows = candidates.flatMap((one, i) => [...lineRows(cuts, i, heads.length),
    h("tr", { class: `${one.passage ? "sent" : ""}${below(one) ? " below-floor" : ""}` },
      h("td", { class: "figure" }, `${i + 1} `, judged && one.ranks.fused ? moved(one.ranks.fused, i + 1) : null),
      h("th", { scope: "row" }, words(one, texts.get(one.chunk_id) ?? ""),
        h("span", { class: "quiet block" }, [headingPath(one), one.collection].filter(Boolean).join(" \u00b7 ")),
        mark?.(one)),
      h("td", {}, one.relevance === null ? h("span", { class: "quiet" }, t("unscored")) : streak(one.relevance)),
      h("td", { class: "figure" }, `#${one.ranks.fused}`, h("span", { class: "quiet block" }, Number(one.scores.fused).toFixed(4))),
      channel(one.ranks.vector, one.scores.vector, 3),
      channel(one.ranks.lexical, one.scores.lexical, 1),
      h("td", { class: "figure" }, typeof one.tokens === "number" ? String(one.tokens) : "\u2013"))]);
  return h("div", { class: "table-frame tall", tabindex: "0", role: "region", "aria-labelledby": id },
    h("table", { class: "ranking candidates-all" },
      h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, ...rows, ...lineRows(cuts, candidates.length, heads.length))));
}

/** @param {{at: number, words: string}[]} cuts @param {number} at @param {number} width */
const lineRows = (cuts, at, width) => cuts.filter((one) => one.at === at).map((one) => h("tr", { class: "floor" },
  h("td", { colspan: String(width) }, h("span", {}, one.words))));

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
