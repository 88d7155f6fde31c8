// @ts-check
/** Judged candidates as a table: rank, score, how far each moved, what was not read to its end. */
import { duration, h, streak, t } from "./dom.js";

/**
 * @typedef {import("./typed.js").Candidate} Candidate
 * @typedef {{index: number, rank: number, relevance: number, truncated: boolean}} Place
 * @typedef {{model: string, fallback: boolean, instruction: string, floor: number|null, tokens: number, ms: number,
 *   results: Place[], notices: {code: string, text: string}[]}} Judged
 * @typedef {{judged: Judged, candidates: Candidate[], steered: boolean}} Run `steered`: by an instruction typed in
 */

/** How far something moved, as a sign with words. @param {number} from @param {number} to */
export function moved(from, to) {
  const count = Math.abs(from - to);
  const words = count === 0 ? t("same") : t(from > to ? "up" : "down", { count });
  const sign = count === 0 ? "=" : `${from > to ? "\u25b2" : "\u25bc"} ${count}`;
  return h("span", { class: `move${count === 0 ? "" : from > to ? " up" : " down"}`, title: words },
    h("span", { "aria-hidden": "true" }, sign), h("span", { class: "visually-hidden" }, words));
}

/**
 * @param {Run} run @param {Run|null} against the run whose ranks it is held against; null: the order given
 * @param {string} id of its heading
 */
export function judgedTable({ judged, candidates, steered }, against, id) {
  const before = new Map(against?.judged.results.map((one) => [one.index, one.rank]));
  const below = judged.floor === null ? -1 : judged.results.findIndex((one) => one.relevance < Number(judged.floor));
  const row = (/** @type {Place} */ one) => {
    const { label, text } = candidates[one.index];
    return h("tr", { class: below >= 0 && one.rank > below ? "below-floor" : "" },
      h("td", { class: "figure" }, String(one.rank)),
      h("td", {}, streak(one.relevance)),
      h("td", {}, moved(before.get(one.index) ?? one.index + 1, one.rank)),
      h("th", { scope: "row" }, label && h("span", { class: "flag" }, label), label && " ", text,
        one.truncated && h("span", { class: "flag bad" }, t("truncated"))));
  };
  const rows = judged.results.map(row);
  if (below >= 0) {
    rows.splice(below, 0, h("tr", { class: "floor" },
      h("td", { colspan: "4" }, t("floor", { floor: Number(judged.floor).toFixed(2) }))));
  }
  return h("section", { class: "judged" },
    h("h3", { id }, steered ? t("with_instruction") : t("without_instruction")),
    h("p", { class: "quiet" }, judged.instruction),
    h("p", { class: "quiet" }, [judged.model, duration(judged.ms), judged.tokens > 0 && t("tokens", { count: judged.tokens }),
      t(against ? "against_without" : "against_given")].filter(Boolean).join(" \u00b7 ")),
    judged.fallback && h("p", { class: "notice" }, t("fallback")),
    judged.notices.length > 0 && h("ul", { class: "notices" }, ...judged.notices.map((one) => h("li", { class: "notice" }, one.text))),
    h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-labelledby": id },
      h("table", { class: "ranking" },
        h("thead", {}, h("tr", {}, ...["rank", "score", "moved", "candidate"]
          .map((key) => h("th", { scope: "col" }, t(`columns.${key}`))))),
        h("tbody", {}, ...rows))));
}
