// @ts-check
/** What the monitoring page shows over time: how busy and how fast, how well passages were ranked, what it cost. */
import { table } from "./asking.js";
import { chart } from "./chart.js";
import { $, duration, h, language, t } from "./dom.js";

/** @typedef {{mean: number, low: number, high: number}|null} Share */

const tag = language === "zh" ? "zh-CN" : "en";
const times = new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat(tag, { maximumFractionDigits: 3 });
const figures = new Intl.NumberFormat(tag, { maximumSignificantDigits: 3 });
const NONE = "\u2013";

/** @param {string} text */
export const time = (text) => times.format(new Date(text));
const shared = (/** @type {Share} */ share) => share === null ? NONE
  : `${share.mean.toFixed(2)} (${share.low.toFixed(2)}\u2013${share.high.toFixed(2)})`;

/** Minutes by which the reader is ahead of UTC: charts are drawn by a server that does not know where he is. */
const offset = () => String(-new Date().getTimezoneOffset());

/** What stands in a place already, kept where it still fits: nothing jumps while somebody reads. @type {Map<string, HTMLElement>} */
const places = new Map();

/**
 * A chart with its numbers below it. Drawn again in the same place.
 * @param {string} key @param {string} address @param {() => HTMLElement} numbersOf
 */
function figure(key, address, numbersOf) {
  let whole = places.get(key);
  if (!whole) {
    whole = h("div", { class: "figure" }, h("div", { class: "chart-place timed" }),
      h("details", { class: "part" }, h("summary", {}, t("numbers")), h("div", {})));
    places.set(key, whole);
  }
  chart(address, /** @type {HTMLElement} */ (whole.firstElementChild));
  whole.querySelector("details > div")?.replaceChildren(numbersOf());
  return whole;
}

/** The same elements in the same order are left alone: what has the focus keeps it. @param {HTMLElement} into @param {(Node|false|null)[]} parts */
function settle(into, parts) {
  const wanted = parts.filter((part) => part instanceof Node);
  const now = [...into.childNodes];
  if (now.length !== wanted.length || now.some((part, place) => part !== wanted[place])) into.replaceChildren(.../** @type {Node[]} */ (wanted));
}

/** A paragraph that says something else where it stands. @param {string} key @param {string} text @param {string} [kind] */
function said(key, text, kind = "quiet") {
  const place = places.get(key) ?? h("p");
  places.set(key, place);
  place.className = kind;
  if (place.textContent !== text) place.textContent = text;
  return place;
}

const title = (/** @type {string} */ key) => {
  const place = places.get(`h ${key}`) ?? h("h3", {}, t(key));
  places.set(`h ${key}`, place);
  return place;
};

/** @param {any} found the history @param {string} stage */
export function showHistory(found, stage) {
  $("began").textContent = found.began_at ? t("began", { time: time(found.began_at) }) : t("not_begun");
  const served = found.steps.filter((/** @type {any} */ one) => one.served_s > 0);
  const rows = served.map((/** @type {any} */ one) => ({ one, took: one.stages.find((/** @type {any} */ each) => each.name === stage) }))
    .filter((/** @type {any} */ { took }) => took);
  const asked = new URLSearchParams({ range: found.range, offset: offset() });
  settle($("time"), [
    served.length === 0 ? said("no rate", t("no_rate"), "empty-note")
      : figure("rate", `/charts/rate.svg?${asked}`, () => table(t("rate_caption"),
        ["time", "answers", "per_second", "waiting_most", "refused", "opens"].map((key) => t(`column.${key}`)),
        served.map((/** @type {any} */ one) => [time(one.begins_at), String(one.answers), figures.format(one.per_second),
          String(one.waiting), String(one.refused), String(one.opens)]).reverse())),
    rows.length === 0 ? served.length > 0 && said("no stage", t("no_stage"), "empty-note")
      : figure("latency", `/charts/latency.svg?${asked}&stage=${stage}`, () => table(t("latency_caption"),
        ["time", "count", "p50", "p95"].map((key) => t(`column.${key}`)),
        rows.map((/** @type {any} */ { one, took }) => [time(one.begins_at), String(took.count), duration(took.p50_ms), duration(took.p95_ms)]).reverse())),
  ]);
  showCosts(found.costs);
}

/** @param {any} costs */
function showCosts(costs) {
  const money = (/** @type {number} */ value) => `${figures.format(value)}${costs.currency && ` ${costs.currency}`}`;
  const priced = (/** @type {any} */ one) => one.price === null ? t("not_set")
    : t(one.setting.endsWith("_hour") ? "cost.hour" : "cost.million", { price: money(one.price) });
  const unset = [...new Set(costs.items.filter((/** @type {any} */ one) => one.price === null).map((/** @type {any} */ one) => one.setting))];
  $("costs").replaceChildren(...(costs.answers === 0 ? [h("p", { class: "empty-note" }, t("costs_none"))] : [
    h("p", { class: "quiet" }, t("costs_about", { count: numbers.format(costs.answers), cpu: figures.format(costs.cpu_s) })),
    table(t("costs_caption"), ["name", "used", "price", "cost"].map((key) => t(`column.${key}`)),
      costs.items.map((/** @type {any} */ one) => [t(`cost.${one.name}`), numbers.format(one.per_query), priced(one),
        one.cost === null ? t("not_set") : money(one.cost)]))]),
  ...(unset.length ? [h("p", { class: "quiet" }, t("costs_how", { settings: unset.join(", ") }))] : []));
}

/** What evaluations of a series were asked with, in words. @param {any} series */
function askedWith(series) {
  const options = JSON.parse(series.asked_with);
  return [t("golden_named", { name: series.golden_set, collection: series.collection }),
    options.top_k && t("golden_k", { value: options.top_k }), options.limit && t("golden_limit", { value: options.limit }),
    options.half !== "all" && t("golden_half", { value: options.half }),
    options.instruction && t("golden_instruction", { value: options.instruction })].filter(Boolean).join(" \u00b7 ");
}

/** @param {any} found the ranking */
export function showRanking(found) {
  const { whole } = found;
  const told = { ...whole, least: found.least_votes, share: shared(whole.mrr) };
  const golden = found.golden.map((/** @type {any} */ series) => {
    const name = askedWith(series);
    const place = places.get(`golden ${name}`) ?? h("div", {}, h("h4", {}, name));
    places.set(`golden ${name}`, place);
    const drawn = figure(`runs ${name}`, `/charts/golden.svg?${new URLSearchParams({ key: series.key, offset: offset() })}`,
      () => table(t("golden_caption"), ["time", "judged", "on", "off"].map((key) => t(`column.${key}`)),
        series.runs.map((/** @type {any} */ run) => [time(run.ended_at), String(run.judged), shared(run.on), shared(run.off)]).reverse()));
    if (drawn.parentElement !== place) place.append(drawn);
    return place;
  });
  const left = places.get("left") ?? h("div", { class: "judged" });
  const right = places.get("right") ?? h("div", { class: "judged" });
  places.set("left", left).set("right", right);
  settle(left, [title("golden_title"), said("golden about", t("golden_about", { least: found.least_points })),
    ...(golden.length ? golden : [said("golden none", t("golden_none"), "empty-note")])]);
  settle(right, [title("feedback_title"), said("feedback about", t("feedback_about")),
    said("feedback whole", whole.mrr ? t("feedback_whole", told) : t("feedback_few", told), whole.mrr ? "" : "empty-note"),
    whole.up + whole.down > 0 && said("feedback least", t("feedback_least", { least: found.least_votes, points: found.least_points })),
    found.feedback.some((/** @type {any} */ one) => one.mrr) && figure("feedback", `/charts/feedback.svg?${new URLSearchParams({ range: found.range, offset: offset() })}`,
      () => table(t("feedback_caption"), ["time", "votes", "up", "down", "mrr"].map((key) => t(`column.${key}`)),
        found.feedback.map((/** @type {any} */ one) => [time(one.begins_at), String(one.counted), String(one.up), String(one.down),
          one.mrr ? shared(one.mrr) : one.counted ? t("few") : NONE]).reverse()))]);
  settle($("quality"), [left, right]);
}
