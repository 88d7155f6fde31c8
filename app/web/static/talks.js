// @ts-check
/** The list of conversations: grouped by day, searched, renamed, deleted and taken back. */
import { $, h, icon, language, t } from "./dom.js";
import { act, getJson, Problem } from "./stream.js";

/**
 * @typedef {{id: string, title: string, collections: string[], updated_at: string}} Talk
 * @typedef {{open: (id: string) => void, fresh: () => void, renamed: (talk: Talk) => void}} Actions
 */

const list = $("talks");
const search = /** @type {HTMLInputElement} */ ($("talks-search"));
const dates = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", { dateStyle: "medium" });
const DAY_MS = 86_400_000;
const AT_ONCE = 50;

/** @type {Actions} */ let actions = { open: () => {}, fresh: () => {}, renamed: () => {} };
/** @type {Talk[]} */ let talks = [];
/** @type {string|null} */ let more = null;
let current = "";
let asked = 0; // of several answers that are under way, the last one counts

/** @param {Actions} wanted */
export function startTalks(wanted) {
  actions = wanted;
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(refresh, 250);
  });
  return refresh();
}

/** The conversation that is shown; "" for none. @param {string} id */
export function mark(id) {
  current = id;
  draw();
}

/** Read the list anew. */
export async function refresh() {
  await load("");
}

/** @param {string} cursor */
async function load(cursor) {
  const turn = ++asked;
  const query = new URLSearchParams({ q: search.value.trim(), limit: String(AT_ONCE), cursor });
  try {
    const page = await getJson(`/api/conversations?${query}`);
    if (turn !== asked) return;
    talks = cursor ? [...talks, ...page.data] : page.data;
    more = page.next_cursor;
    draw();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (turn === asked) list.replaceChildren(h("p", { class: "talks-empty" }, error.message || t("error_network")));
  }
}

/** @param {Talk} talk */
function dayOf(talk) {
  const midnight = (/** @type {Date} */ date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  const day = new Date(talk.updated_at);
  const ago = Math.round((midnight(new Date()) - midnight(day)) / DAY_MS);
  return ago <= 0 ? t("talks.today") : ago === 1 ? t("talks.yesterday") : dates.format(day);
}

function draw() {
  /** @type {Map<string, Talk[]>} */ const days = new Map();
  for (const talk of talks) days.set(dayOf(talk), [...(days.get(dayOf(talk)) ?? []), talk]);
  list.replaceChildren(
    ...[...days].map(([day, those]) => h("section", {}, h("h2", {}, day), h("ul", {}, ...those.map(row)))),
    ...(talks.length ? [] : [h("p", { class: "talks-empty" }, t(search.value.trim() ? "talks.none_found" : "talks.none"))]),
    ...(more ? [h("button", { type: "button", class: "text-button", onclick: () => load(more ?? "") }, t("talks.more"))] : []));
}

/** @param {Talk} talk */
function row(talk) {
  const title = talk.title || t("talks.untitled");
  const link = h("a", { href: `/c/${talk.id}`, title, "aria-current": talk.id === current && "page",
    onclick: (/** @type {MouseEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      actions.open(talk.id);
    } }, title);
  const tool = (/** @type {string} */ name, /** @type {string} */ key, /** @type {() => void} */ onclick) =>
    h("button", { type: "button", class: "tool", "aria-label": t(`talks.${key}`, { title }), title: t(`talks.${key}`, { title }), onclick }, icon(name));
  const item = h("li", { class: talk.id === current ? "talk current" : "talk" }, link, h("span", { class: "talk-tools" },
    tool("pen", "rename", () => rename(talk, item)), tool("bin", "delete", () => remove(talk))));
  return item;
}

/** @param {Talk} talk @param {HTMLElement} item */
function rename(talk, item) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "text", maxlength: 200, value: talk.title,
    "aria-label": t("talks.name") }));
  let done = false;
  const end = async (/** @type {boolean} */ keep) => {
    if (done) return;
    done = true;
    const title = input.value.trim();
    if (keep && title && title !== talk.title) await change(talk, title);
    draw();
    /** @type {HTMLElement|null} */ (list.querySelector(`a[href="/c/${talk.id}"]`))?.focus();
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    end(event.key === "Enter");
  });
  input.addEventListener("blur", () => end(true));
  item.replaceChildren(input);
  input.select();
}

/** @param {Talk} talk @param {string} title */
async function change(talk, title) {
  try {
    Object.assign(talk, await act("PATCH", `/api/conversations/${talk.id}`, { title }));
    actions.renamed(talk);
  } catch (error) {
    failed(error);
  }
}

/** @param {Talk} talk */
async function remove(talk) {
  try {
    await act("DELETE", `/api/conversations/${talk.id}`);
  } catch (error) {
    return failed(error);
  }
  const shown = talk.id === current;
  talks = talks.filter(({ id }) => id !== talk.id);
  if (shown) actions.fresh();
  else draw();
  const back = h("button", { type: "button", class: "text-button", onclick: async () => {
    $("undo").replaceChildren();
    try {
      await act("POST", `/api/conversations/${talk.id}/restore`);
    } catch (error) {
      return failed(error);
    }
    await refresh();
    if (shown) actions.open(talk.id);
  } }, t("talks.undo"));
  said(t("talks.deleted", { title: talk.title || t("talks.untitled") }), back);
  back.focus();
}

/** @param {unknown} error */
function failed(error) {
  if (!(error instanceof Problem)) throw error;
  said(error.message || t("error_network"));
}

/** @param {string} text @param {HTMLElement} [button] */
function said(text, button) {
  $("undo").replaceChildren(h("div", { class: "undo" }, h("p", { title: text }, text), button, h("button", { type: "button",
    class: "tool", "aria-label": t("talks.close"), onclick: () => $("undo").replaceChildren() }, icon("close"))));
}
