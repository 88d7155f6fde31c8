// @ts-check
/** The result of an evaluation, and two of them held against each other. */
import { table } from "./asking.js";
import { chart } from "./chart.js";
import { duration, h, has, t } from "./dom.js";

/** @typedef {{mean: number, low: number, high: number}|null} Share */

const MEASURES = ["mrr@10", "ndcg@10", "recall@5", "recall@20", "hit@1", "hit@3", "wrong_evidence@3"];
const STAGES = ["lexical", "vector", "fused", "reranked"];

/** A share 0..1 with its 95 % interval. @param {Share|undefined} share */
const shared = (share) => share ? `${share.mean.toFixed(2)} (${share.low.toFixed(2)}\u2013${share.high.toFixed(2)})` : "\u2013";

/** A word of ours; what the result calls it where there is none. @param {string} key @param {string} itself */
const called = (key, itself) => has(key) ? t(key) : itself;

/** @param {any} result */
function stagesTable(result) {
  const stages = STAGES.filter((stage) => result.stages?.[stage]);
  return table(t("result.stages", { count: result.judged }), [t("column.measure"), ...stages.map((stage) => t(`stage.${stage}`))],
    MEASURES.filter((measure) => result.stages[stages[0]]?.[measure] !== undefined).map((measure) => [called(`measure.${measure}`, measure),
      ...stages.map((stage) => {
        const [low, high] = result.intervals[stage][measure];
        return shared({ mean: result.stages[stage][measure], low, high });
      })]));
}

/** What counts for the one who asked: with and without reranking beside each other. @param {[string, any][]} ways */
function outcomeTable(ways) {
  /** @type {[string, (result: any) => string][]} */ const rows = [
    ["right_evidence", (one) => shared(one.handed_to_generator?.["right evidence"])],
    ["wrong_evidence", (one) => shared(one.handed_to_generator?.["wrong evidence"])],
    ["wrong_answers", (one) => shared(one.answers?.wrong)],
    ["right_answers", (one) => shared(one.answers?.right)],
    ["refused_rightly", (one) => shared(one.refusal?.recall)],
    ["kept", (one) => shared(one.refusal?.kept)],
    ["cited_right", (one) => shared(one.citations?.document)],
    ["total_p50", (one) => one.latency_ms?.total ? duration(one.latency_ms.total.p50) : "\u2013"],
    ["total_p95", (one) => one.latency_ms?.total ? duration(one.latency_ms.total.p95) : "\u2013"],
    ["seconds", (one) => one.cost?.seconds === undefined ? "\u2013" : `${one.cost.seconds.toFixed(3)} s`],
  ];
  return table(t("result.outcomes"), [t("column.measure"), ...ways.map(([name]) => name)],
    rows.map(([key, cell]) => [t(`outcome.${key}`), ...ways.map(([, result]) => cell(result))]));
}

/** @param {any} found */
function calibrationPart(found) {
  if (found.steps.length === 0) {
    return h("p", { class: "empty-note" }, t("calibration.none", { answerable: found.answerable, unanswerable: found.unanswerable }));
  }
  const points = found.steps.map((/** @type {any} */ one) => ["point", `${one.relevance}:${one.share}`]);
  return h("div", { class: "judged" },
    h("p", { class: "quiet" }, t(found.enough ? "calibration.enough" : "calibration.few", { answerable: found.answerable,
      unanswerable: found.unanswerable, least: found.least, floor: found.floor.toFixed(3) })),
    chart(`/charts/curve.svg?${new URLSearchParams(points)}`),
    table(t("calibration.caption"), [t("column.relevance"), t("column.share")],
      found.steps.map((/** @type {any} */ one) => [one.relevance.toFixed(3), one.share.toFixed(2)])));
}

/** @param {any[]} questions */
const questionTable = (questions) => table(t("result.questions", { count: questions.length }),
  ["question", "on", "off", "evidence"].map((key) => t(`column.${key}`)),
  questions.map((one) => {
    const way = (/** @type {any} */ told) => told ? h("span", {}, called(`answered.${told.outcome}`, told.outcome),
      told.first_relevant ? h("span", { class: "quiet block" }, t("result.first", { rank: told.first_relevant })) : null) : "\u2013";
    return [one.question, way(one.on), way(one.off), one.evidence ? t(`evidence.${one.evidence}`) : ""];
  }));

/**
 * Everything about one evaluation that is done.
 * @param {any} run @param {any[]} questions @param {any} calibration
 */
export function resultPart(run, questions, calibration) {
  const { result } = run;
  const first = run.rerank === "off" ? t("way.off") : t("way.on");
  /** @type {[string, any][]} */ const ways = [[first, result], ...(result.rerank_off ? [[t("way.off"), result.rerank_off]] : [])];
  return h("section", { class: "card", "aria-labelledby": "result-title" },
    h("h2", { id: "result-title", tabindex: "-1" }, t("result.title", { name: run.golden_set, collection: run.collection })),
    h("p", { class: "quiet" }, [t("result.count", { count: result.questions }), result.models.reranker, result.models.generator].join(" \u00b7 ")),
    result.left_out.length > 0 && h("ul", { class: "notices" }, ...result.left_out.map((/** @type {string} */ one) => h("li", { class: "notice" }, one))),
    result.documents_changed && h("p", { class: "notice" }, t("result.changed")),
    h("p", { class: "quiet" }, t("result.intervals")),
    outcomeTable(ways), stagesTable(result),
    h("h3", {}, t("calibration.title")), calibrationPart(calibration),
    h("h3", {}, t("result.each")), questionTable(questions));
}

/** @param {any} found the comparison @param {(run: any) => string} name */
export function comparisonPart(found, name) {
  const change = (/** @type {any} */ one) => h("span", { class: one.is_better ? "move up" : one.is_worse ? "move down" : "move" },
    `${one.change >= 0 ? "+" : "\u2212"}${Math.abs(one.change).toFixed(3)} (${one.low.toFixed(3)}\u2026${one.high.toFixed(3)})`);
  return h("section", { class: "card", "aria-labelledby": "result-title" },
    h("h2", { id: "result-title", tabindex: "-1" }, t("compare.title")),
    h("p", {}, t("compare.from", { before: name(found.before), after: name(found.after) })),
    h("p", { class: "quiet" }, t("compare.about", { count: found.questions })),
    !found.same_documents && h("p", { class: "notice" }, t("compare.documents")),
    found.changed.length > 0 && h("p", { class: "notice" }, t("compare.changed", { count: found.changed.length })),
    found.questions === 0 ? h("p", { class: "empty-note" }, t("compare.nothing")) : table(t("compare.measures"),
      ["measure", "before", "after", "change", "better", "worse"].map((key) => t(`column.${key}`)),
      found.differences.map((/** @type {any} */ one) => [one.measure, one.before.toFixed(3), one.after.toFixed(3), change(one),
        String(one.better), String(one.worse)])),
    h("p", {}, t("compare.evidence", { mended: found.mended.length, broke: found.broke.length })),
    found.moved.length > 0 && table(t("compare.moved"), ["question", "before", "after"].map((key) => t(`column.${key}`)),
      found.moved.map((/** @type {any} */ one) => [one.question, one.before ? `#${one.before}` : t("compare.missing"),
        one.after ? `#${one.after}` : t("compare.missing")])));
}
