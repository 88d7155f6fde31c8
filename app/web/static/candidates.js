// @ts-check
/** The retrieval details: recall rank, rerank rank, every score named with its range. */
import { h, headingPath, streak, t, where } from "./dom.js";

/** @typedef {import("./stream.js").Candidate} Candidate */

let tables = 0; // for ids of their captions

/** @param {Candidate} one */
const finalRank = (one) => one.ranks.rerank ?? one.ranks.fused ?? 0;

/** As they ended: by the reranker, else by recall. @param {Candidate[]} candidates */
export const inOrder = (candidates) => [...candidates].sort((a, b) => finalRank(a) - finalRank(b));

/** Every recalled passage, with what each stage made of it. @param {Candidate[]} candidates */
export function candidatesTable(candidates) {
  const head = ["rank", "recall", "passage", "relevance", "vector", "lexical", "sent"];
  const caption = h("h4", { id: `candidates-${++tables}` }, t("candidates.caption", { count: candidates.length }));
  const channel = (/** @type {number|null|undefined} */ rank, /** @type {number|null|undefined} */ score, /** @type {number} */ digits) =>
    h("td", { class: "figure" }, rank ? `#${rank}` : "–",
      h("span", { class: "quiet" }, rank && typeof score === "number" ? score.toFixed(digits) : rank ? "" : t("candidates.missing")));
  return h("section", {}, caption, h("div", { class: "table-frame", tabindex: "0", role: "region", "aria-labelledby": caption.id },
    h("table", { class: "candidates" },
      h("thead", {}, h("tr", {}, ...head.map((key) => h("th", { scope: "col" }, t(`candidates.${key}`))))),
      h("tbody", {}, ...inOrder(candidates).map((one) => h("tr", { class: one.passage ? "sent" : "" },
        h("td", { class: "figure" }, String(finalRank(one))),
        h("td", { class: "figure" }, `#${one.ranks.fused} `, movement(one)),
        h("th", { scope: "row" }, where(one), h("span", { class: "quiet" }, headingPath(one))),
        h("td", {}, one.relevance === null ? h("span", { class: "quiet" }, t("candidates.unscored")) : streak(one.relevance)),
        channel(one.ranks.vector, one.scores.vector, 3),
        channel(one.ranks.lexical, one.scores.lexical, 1),
        h("td", {}, one.passage ? h("span", { class: "flag gold" }, t("candidates.sent_as", { number: one.passage })) : "")))))));
}

/** How far reranking moved it. @param {Candidate} candidate */
function movement({ ranks }) {
  if (!ranks.rerank || !ranks.fused) return "";
  const count = ranks.fused - ranks.rerank;
  if (count === 0) return h("span", { class: "move", title: t("candidates.same") }, h("span", { "aria-hidden": "true" }, "="),
    h("span", { class: "visually-hidden" }, t("candidates.same")));
  const words = t(count > 0 ? "candidates.up" : "candidates.down", { count: Math.abs(count) });
  return h("span", { class: count > 0 ? "move up" : "move down", title: words },
    h("span", { "aria-hidden": "true" }, `${count > 0 ? "▲" : "▼"} ${Math.abs(count)}`), h("span", { class: "visually-hidden" }, words));
}
