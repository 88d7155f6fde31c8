// @ts-check
/** One gap: every wording, what came near, what was said, and what can be done about it. */
import { attempt, button, call, field, time } from "./calls.js";
import { $, h, pagesText, streak, t } from "./dom.js";
import { caseOf } from "./gap_case.js";

/**
 * @typedef {import("./gaps.js").Gap} Gap
 * @typedef {{checked_at: string, outcome: string, answered: boolean, before: number|null, relevance: number|null}} Again
 * @typedef {{id: string, text: string, language: string, asked: number, last_asked_at: string, relevance: number|null, again: Again|null}} Wording
 * @typedef {{document: string, title: string, document_id: string, chunk_id: string, pages: number[], relevance: number|null}} Nearest
 * @typedef {{flags: (gap: Gap) => HTMLElement, line: (gap: Gap) => HTMLElement, changed: (before: Gap, after: Gap) => Promise<void>,
 *   back: () => void}} Page
 */

const digits = (/** @type {number|null} */ relevance) => (relevance === null ? t("no_relevance") : relevance.toFixed(2));
const lang = (/** @type {string} */ language) => (language === "zh" ? "zh-CN" : "en");
const path = (/** @type {Gap} */ gap, rest = "") => `/api/gaps/${encodeURIComponent(gap.id)}${rest}`;

/** Read a gap and show it, with the focus on its head. @param {string} id @param {Page} page */
export async function showGap(id, page) {
  const found = await call("GET", `/api/gaps/${encodeURIComponent(id)}`);
  const title = h("h2", { class: "gap-title", id: "gap-title", tabindex: "-1", lang: lang(found.gap.language) }, found.gap.question);
  $("detail").replaceChildren(h("section", { class: "card gap-card", "aria-labelledby": "gap-title" },
    h("div", { class: "part" }, title, page.line(found.gap), page.flags(found.gap),
      found.gap.gone > 0 && h("p", { class: "warning" }, t("gone_n", { count: found.gap.gone }))),
    actions(found, page), wordings(found, page), near(found.nearest), said(found), answers(found), note(found.gap, page)));
  title.focus();
  return found;
}

/** @param {any} found @param {Page} page */
function actions(found, page) {
  /** @type {Gap} */ const gap = found.gap;
  const set = (/** @type {string} */ state) => () => attempt(async () => {
    const after = await call("PATCH", path(gap), { body: { state } });
    await showGap(gap.id, page);
    await page.changed(gap, after);
  });
  const to = (/** @type {string} */ name) => `/documents?${new URLSearchParams({ collection: name, gap: gap.id })}#documents`;
  return h("div", { class: "row-actions" },
    gap.collections.length > 0 && button(t("check_all"), () => attempt(() => check(gap, found.wordings, page)), { class: "main-button", id: "check-all" }),
    ...gap.collections.map((name) => h("a", { class: "button", href: to(name) },
      gap.collections.length === 1 ? t("add_document") : t("add_document_to", { name }))),
    gap.collections.length > 0 && button(t("case.open"), () => attempt(() => caseOf(gap, found.wordings)), { class: "button" }),
    gap.state !== "done" && button(t("set.done"), set("done"), { class: "button" }),
    gap.state !== "dismissed" && button(t("set.dismissed"), set("dismissed"), { class: "button" }),
    gap.state !== "open" && button(t("set.open"), set("open"), { class: "button" }),
    button(t("to_list"), page.back, { class: "text-button" }));
}

/**
 * Ask wordings again, one after the other, so that each is seen as soon as it is there.
 * @param {Gap} gap @param {Wording[]} all @param {Page} page
 */
async function check(gap, all, page) {
  let after = gap;
  for (const [index, wording] of all.entries()) {
    $("check-line").textContent = t("checking", { index: index + 1, count: all.length });
    const { data, gap: now } = await call("POST", path(gap, "/check"), { body: { wordings: [wording.id] } });
    after = now;
    for (const one of data) replaced(one);
  }
  const answered = after.checked?.answered ?? 0;
  $("check-line").textContent = answered === after.wordings ? t("check_closed") : t("check_open", { count: answered, total: after.wordings });
  document.querySelector(".gap-card .row-flags")?.replaceWith(page.flags(after));
  await page.changed(gap, after);
}

/** What asking again gave takes the place of what it gave before. @param {any} one */
function replaced(one) {
  const place = /** @type {HTMLElement} */ (document.querySelector(`[data-wording="${CSS.escape(one.wording_id)}"]`));
  place.querySelector(".again")?.replaceWith(again(one.again));
  place.querySelector(".gap-answer")?.remove();
  place.append(h("div", { class: one.again.answered ? "gap-answer good" : "gap-answer" }, h("p", {}, one.answer || t("no_answer")),
    one.notices.length > 0 && h("ul", { class: "notes" }, ...one.notices.map((/** @type {any} */ each) => h("li", {}, each.text))),
    one.nearest[0] && h("p", { class: "quiet" }, t("nearest_is", { document: one.nearest[0].document, relevance: digits(one.nearest[0].relevance) }))));
}

/** @param {Again|null} one */
const again = (one) => h("div", { class: "again gap-side-figure" }, ...(one === null ? [] : [
  h("span", { class: one.answered ? "flag good" : "flag" }, t(one.answered ? "answered" : "still_not")),
  h("p", { class: "quiet" }, t("relevance_moved", { before: digits(one.before), after: digits(one.relevance) })),
  h("p", { class: "quiet" }, time(one.checked_at))]));

/** @param {any} found @param {Page} page */
function wordings(found, page) {
  /** @type {Wording[]} */ const all = found.wordings;
  return h("div", { class: "part" }, h("h3", {}, t("wordings")), h("p", { class: "quiet", id: "check-line", role: "status" }, ""),
    h("ul", { class: "gap-list" }, ...all.map((one) => h("li", { "data-wording": one.id },
      h("div", {}, h("p", { class: "gap-words", lang: lang(one.language) }, one.text),
        h("p", { class: "quiet gap-line" }, `${[t("asked_n", { count: one.asked }), t(`language.${one.language}`),
          t("best", { relevance: digits(one.relevance) })].join(" · ")} · `, time(one.last_asked_at)),
        all.length > 1 && found.gap.collections.length > 0 && button(t("check_one"), () => attempt(() => check(found.gap, [one], page)),
          { "aria-label": t("check_one_label", { question: one.text }) })),
      again(one.again)))));
}

/** @param {Nearest[]} all */
const near = (all) => h("div", { class: "part" }, h("h3", {}, t("nearest")),
  all.length === 0 ? h("p", { class: "quiet" }, t("nearest_none")) : h("ul", { class: "gap-list" }, ...all.map((one) => h("li", {},
    h("div", {}, h("p", { class: "gap-words" }, one.document), h("p", { class: "quiet" }, [one.title !== one.document && one.title,
      pagesText(one.pages)].filter(Boolean).join(" · "))),
    one.relevance === null ? h("span", { class: "quiet" }, t("no_relevance")) : streak(one.relevance)))));

/** @param {any} found */
const said = (found) => found.said.length > 0 && h("div", { class: "part" }, h("h3", {}, t("said")),
  h("ul", { class: "gap-list" }, ...found.said.map((/** @type {any} */ one) => h("li", {}, h("div", {},
    one.text && h("p", { class: "gap-words" }, one.text),
    h("div", { class: "row-flags" }, ...one.reasons.map((/** @type {string} */ each) => h("span", { class: "flag" }, t(`reasons.${each}`))))),
  h("p", { class: "quiet" }, time(one.said_at))))));

/** @param {any} found */
function answers(found) {
  const words = (/** @type {any} */ one) => {
    if (one.withheld) return t("withheld");
    return one.wiped ? t("wiped") : one.answer || t("no_answer");
  };
  return h("details", {}, h("summary", {}, t("answers_n", { count: found.answers.length })),
    h("ul", { class: "gap-list" }, ...found.answers.map((/** @type {any} */ one) => h("li", {},
      h("p", { class: "gap-words" }, one.question), h("p", { class: "quiet" }, time(one.asked_at)),
      h("p", { class: "gap-answer" }, words(one))))),
    found.earlier > 0 && h("p", { class: "quiet" }, t("earlier_n", { count: found.earlier })));
}

/** @param {Gap} gap @param {Page} page */
function note(gap, page) {
  const typed = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: 2, maxlength: 2000 }, gap.note));
  const kept = h("span", { class: "quiet", role: "status" });
  return h("div", { class: "gap-note" }, field(t("note"), typed, t("note_hint")), h("div", { class: "row-actions" },
    button(t("note_save"), () => attempt(async () => {
      const after = await call("PATCH", path(gap), { body: { note: typed.value } });
      kept.textContent = t("note_saved");
      await page.changed(gap, after);
    }), { class: "button" }), kept));
}
