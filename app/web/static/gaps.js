// @ts-check
/** The gap inbox: which questions were answered badly or not at all, one of them in full, and what becomes of it. */
import { attempt, button, call, say, time } from "./calls.js";
import { $, h, t } from "./dom.js";
import { showGap } from "./gap_detail.js";

/**
 * @typedef {{id: string, question: string, language: string, languages: string[], collections: string[], gone: number,
 *   kinds: string[], wordings: number, asked: number, weight: number, first_asked_at: string, last_asked_at: string,
 *   best_relevance: number|null, reasons: {reason: string, count: number}[], state: string, reopened: boolean, note: string,
 *   checked: {wordings: number, answered: number, checked_at: string}|null}} Gap
 */

const FILTERS = ["state", "kind", "collection", "days", "order"];
const AGAIN_MS = 1500; // while questions that were asked since are still being looked at
const value = (/** @type {string} */ id) => /** @type {HTMLSelectElement} */ ($(id)).value;

let cursor = "";
let shown = "";
let asked = 0; // lists that were asked for: only the last one is shown
/** @type {ReturnType<typeof setTimeout>|undefined} */ let timer;

const wanted = () => new URLSearchParams(FILTERS.map((name) => [name, value(name)]).filter(([, chosen]) => chosen));

/** Flags of a gap: why it is one, and what has happened to it. @param {Gap} gap */
export function flags(gap) {
  const { checked } = gap;
  const all = checked && checked.answered === gap.wordings;
  return h("div", { class: "row-flags" },
    gap.state !== "open" && h("span", { class: "flag" }, t(`states.${gap.state}`)),
    gap.reopened && h("span", { class: "flag bad" }, t("reopened")),
    checked && h("span", { class: all ? "flag good" : "flag" }, t(all ? "answered_now" : "answered_of",
      { count: checked.answered, total: gap.wordings })),
    ...gap.kinds.map((kind) => h("span", { class: "flag gold" }, t(`kinds.${kind}`))));
}

/** Counts and times of a gap in one line. @param {Gap} gap */
export function line(gap) {
  const parts = [t("asked_n", { count: gap.asked }), gap.wordings > 1 && t("wordings_n", { count: gap.wordings }),
    gap.languages.map((each) => t(`language.${each}`)).join("/"),
    gap.best_relevance !== null && t("best", { relevance: gap.best_relevance.toFixed(2) }),
    gap.collections.join(t("list_separator"))];
  return h("p", { class: "quiet gap-line" }, `${parts.filter(Boolean).join(" · ")} · ${t("last")} `, time(gap.last_asked_at));
}

/** @param {Gap} gap */
const row = (gap) => h("li", { "data-id": gap.id },
  h("button", { type: "button", class: "row-open", lang: gap.language === "zh" ? "zh-CN" : "en", "aria-current": gap.id === shown && "true",
    onclick: () => open(gap.id) }, gap.question), line(gap), flags(gap));

/** Read the list again, from its beginning or on from where it ends. @param {{more?: boolean}} [how] */
async function load({ more = false } = {}) {
  clearTimeout(timer);
  const turn = asked += 1;
  const query = wanted();
  if (more) query.set("cursor", cursor);
  const found = await attempt(() => call("GET", `/api/gaps?${query}`));
  if (!found || turn !== asked) return;
  cursor = found.next_cursor ?? "";
  const focused = /** @type {HTMLElement|null} */ (document.activeElement)?.closest("#gaps > li")?.getAttribute("data-id");
  const rows = found.data.map(row);
  if (more) $("gaps").append(...rows);
  else $("gaps").replaceChildren(...rows);
  if (more) rows[0]?.querySelector("button")?.focus();
  else if (focused) /** @type {HTMLElement|null} */ ($("gaps").querySelector(`li[data-id="${focused}"] button`))?.focus();
  $("more").hidden = !cursor;
  $("count").textContent = t("gaps_n", { count: found.total });
  $("notices").replaceChildren(...found.notices.map((/** @type {any} */ one) => h("li", {}, one.text)));
  none(found);
  /** @type {HTMLAnchorElement} */ ($("export")).href = `/api/gaps?${query}&format=csv`.replace(/&cursor=[^&]*/, "");
  if (found.notices.some((/** @type {any} */ one) => one.code === "gaps_pending")) timer = setTimeout(load, AGAIN_MS);
}

/** What to do where nothing is listed. @param {{total: number, open: number}} found */
function none(found) {
  const filtered = FILTERS.slice(1, 4).some((name) => value(name)) || value("state") !== "open";
  $("none").hidden = found.total > 0;
  $("none").replaceChildren(...(found.total > 0 ? [] : filtered ? [h("p", {}, t("none_filtered")),
    button(t("clear_filters"), () => { /** @type {HTMLFormElement} */ ($("filters")).reset(); return load(); }, { class: "button" })]
    : [h("p", {}, t("none")), h("p", { class: "quiet" }, t("none_about"))]));
  $("choose").hidden = found.total === 0 || shown !== "";
}

/** The address keeps which gap is open, so that a document can be added and the way back leads here. @param {string} id */
function address(id) {
  const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll(".languages a")]);
  for (const one of [location, ...links]) {
    const there = new URL(one.href);
    if (id) there.searchParams.set("gap", id);
    else there.searchParams.delete("gap");
    if (one === location) history.replaceState(null, "", there);
    else one.href = there.href;
  }
}

/** @param {string} id */
async function open(id) {
  const found = await attempt(() => showGap(id, { flags, line, changed, back }));
  if (!found) {
    address("");
    return;
  }
  shown = id;
  $("choose").hidden = true;
  address(id);
  for (const one of $("gaps").querySelectorAll("li")) {
    one.querySelector(".row-open")?.toggleAttribute("aria-current", false);
    if (one.dataset.id === id) one.querySelector(".row-open")?.setAttribute("aria-current", "true");
  }
}

/** To the list, at the row of the gap that was shown. */
function back() {
  const opener = /** @type {HTMLElement|null} */ ($("gaps").querySelector(`li[data-id="${shown}"] .row-open`));
  (opener ?? $("count")).focus();
  (opener ?? $("count")).scrollIntoView({ block: "center" });
}

/** A gap has changed: say what was done, and how it is undone. @param {Gap} before @param {Gap} after */
async function changed(before, after) {
  await load();
  if (before.state === after.state) return;
  say(t(`now.${after.state}`, { question: after.question }), { undo: () => attempt(async () => {
    await call("PATCH", `/api/gaps/${after.id}`, { body: { state: before.state } });
    say(t("undone"));
    await load();
    if (shown === after.id) await open(after.id);
  }) });
}

$("filters").addEventListener("change", () => load());
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("more").addEventListener("click", () => load({ more: true }));

await attempt(async () => {
  const known = await call("GET", "/api/session");
  const managed = known.collections.filter((/** @type {any} */ one) => one.level === "manage");
  $("collection").append(...managed.map((/** @type {any} */ one) => h("option", { value: one.name }, one.name)));
});
const named = new URLSearchParams(location.search).get("gap");
if (named) /** @type {HTMLSelectElement} */ ($("state")).value = "";
await load();
if (named) await open(named);
