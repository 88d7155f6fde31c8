// @ts-check
/** The approved answers of an assistant: found by state, owner and words; approved, renewed, edited, deleted and taken back. */
import { attempt, button, call, choice, everything, field, say, time } from "./calls.js";
import { $, day, h, personName, t } from "./dom.js";
import { approve, edit, wordsOf, write } from "./snippet_edit.js";
import { inDays } from "./snippet_form.js";

/**
 * @typedef {{id: string, assistant_id: string, questions: string[], answer: string, note: string, owner: {id: string, name: string},
 *   state: "draft"|"approved"|"expired"|"deleted", expires_on: string, approved_by: {id: string, name: string}|null,
 *   approved_at: string|null, updated_at: string}} Snippet
 * @typedef {{assistant: string, approves: boolean, writes: boolean, changed: () => void}} Where
 */

const LISTED = 100; // rows drawn at once
const SOON_DAYS = 30;
const STATES = ["all", "approved", "soon", "draft", "expired", "deleted"];

/** @type {Where} */ let at = { assistant: "", approves: false, writes: false, changed: () => {} };
/** @type {Snippet[]} */ let snippets = [];
/** @type {Snippet[]} */ let deleted = [];
let drawn = LISTED;
const words = /** @type {HTMLInputElement} */ (h("input", { type: "search", autocomplete: "off" }));
const state = choice([]);
const owner = choice([]);

/** @param {Where} where */
export async function showSnippets(where) {
  if (where.assistant !== at.assistant) {
    [words.value, owner.value, drawn] = ["", "", LISTED];
    [snippets, deleted] = [[], []];
  }
  at = where;
  $("new-snippet").hidden = !at.writes;
  const states = STATES.filter((each) => at.writes || each === "all" || each === "soon"); // readers see approved ones only
  const here = new URL(location.href);
  const wanted = here.searchParams.get("state") ?? state.value;
  here.searchParams.delete("state"); // asked for once
  history.replaceState(null, "", here);
  state.replaceChildren(...states.map((each) => h("option", { value: each }, t(`snippet.state.${each}`))));
  state.value = states.includes(wanted) ? wanted : "all";
  $("snippet-tools").replaceChildren(field(t("snippet.search"), words), field(t("snippet.which"), state), field(t("snippet.of"), owner));
  await load();
}

async function load() {
  const { assistant, writes } = at;
  const path = `/api/assistants/${encodeURIComponent(assistant)}/snippets`;
  const found = await attempt(() => Promise.all([everything(path), writes ? everything(`${path}?state=deleted`) : []]));
  if (!found || assistant !== at.assistant) return;
  [snippets, deleted] = found;
  const owners = new Map([...snippets, ...deleted].map((each) => [ownerKey(each), personName(each.owner)]));
  const wanted = owner.value;
  owner.replaceChildren(...[["", t("snippet.everybody")], ...owners].map(([id, name]) => h("option", { value: id }, name)));
  owner.value = owners.has(wanted) ? wanted : "";
  draw();
}

/** Some owners are no users, and have no id. @param {Snippet} one */
const ownerKey = ({ owner: { id, name } }) => `${id} ${name}`;

/** Whether it is offered now, and in a month no more. @param {Snippet} one */
const isSoon = (one) => one.state === "approved" && one.expires_on <= inDays(SOON_DAYS);

function matching() {
  const typed = words.value.trim().toLocaleLowerCase();
  const kept = state.value === "deleted" ? deleted : snippets;
  return kept.filter((each) => (["all", "deleted"].includes(state.value) || (state.value === "soon" ? isSoon(each) : each.state === state.value))
    && (!owner.value || ownerKey(each) === owner.value)
    && (!typed || [...each.questions, each.answer, each.note].join("\n").toLocaleLowerCase().includes(typed)));
}

function draw() {
  const found = matching();
  const soon = snippets.filter(isSoon).length;
  $("snippets-title").textContent = t("snippet.title", { count: snippets.length });
  $("snippets-found").textContent = t("snippet.found", { count: found.length });
  $("soon").hidden = soon === 0 || state.value === "soon";
  $("soon").replaceChildren(t("snippet.soon", { count: soon, days: SOON_DAYS }), button(t("snippet.show_soon"), () => {
    state.value = "soon";
    draw();
    state.focus();
  }));
  $("snippets").replaceChildren(...found.slice(0, drawn).map(row));
  $("snippets-more").hidden = found.length <= drawn;
  $("no-snippets").hidden = found.length > 0;
  $("no-snippets").textContent = t(snippets.length ? "snippet.no_match" : at.writes ? "snippet.none" : "snippet.none_read");
}

/** @param {Snippet} one */
function row(one) {
  const [title, ...others] = one.questions;
  const soon = isSoon(one);
  const flag = { approved: "flag good", draft: "flag gold", expired: "flag bad", deleted: "flag" }[one.state];
  const act = (/** @type {string} */ key, /** @type {() => unknown} */ doing) => button(t(`snippet.${key}`), doing, { "aria-label": t(`snippet.${key}_label`, { title }) });
  return h("li", { class: "snippet", "data-id": one.id },
    h("div", { class: "snippet-head" }, h("h3", {}, title), h("p", { class: "row-flags" },
      h("span", { class: flag }, t(`snippet.state.${one.state}`)), soon ? h("span", { class: "flag soon-flag" }, t("snippet.state.soon")) : null)),
    others.length ? h("details", {}, h("summary", {}, t("snippet.wordings", { count: others.length })), h("ul", {}, ...others.map((each) => h("li", {}, each)))) : null,
    wordsOf(one),
    one.note && h("div", { class: "inside" }, h("p", {}, h("strong", {}, t("snippet.inside"))), h("p", {}, one.note)),
    h("p", { class: "quiet" }, t("snippet.owner", { name: personName(one.owner) }), " · ", t(one.state === "expired" ? "snippet.was_until" : "snippet.until", { date: day(one.expires_on) }),
      one.approved_by && one.approved_at ? [" · ", t("snippet.approved_by", { name: personName(one.approved_by) }), " "].join("") : null, one.approved_by && one.approved_at ? time(one.approved_at) : null),
    at.writes && h("div", { class: "row-actions" }, ...(one.state === "deleted" ? [act("restore", () => restore(one))] : [
      at.approves && one.state === "draft" && act("approve", () => after(approve(one), "snippet.approved", one)),
      at.approves && one.state !== "draft" && act("renew", () => after(approve(one), "snippet.renewed", one)),
      act("edit", () => after(edit(one), "snippet.changed", one)), act("remove", () => remove(one))]).filter((each) => each instanceof Node)));
}

/** Show what has come of a form, and go on where it was opened. @param {Promise<Snippet|null>} form @param {string} said @param {Snippet} one */
async function after(form, said, one) {
  const made = await form;
  if (!made) return;
  await load();
  at.changed();
  say(t(made.state === "draft" && said === "snippet.changed" && one.state === "approved" ? "snippet.draft_again" : said, { title: made.questions[0] }));
  focusOn(one.id);
}

/** @param {string} id of a row; where it is gone from the list, the list's head */
function focusOn(id) {
  const rows = /** @type {HTMLElement[]} */ ([...$("snippets").children]);
  (rows.find((each) => each.dataset.id === id)?.querySelector("button") ?? $("snippets-title")).focus();
}

/** @param {Snippet} one */
async function remove(one) {
  const gone = await attempt(() => call("DELETE", `/api/snippets/${encodeURIComponent(one.id)}`));
  if (gone === undefined) return;
  await load();
  at.changed();
  say(t("snippet.removed", { title: one.questions[0] }), { undo: () => restore(one) });
  $("snippets-title").focus();
}

/** @param {Snippet} one */
async function restore(one) {
  const back = await attempt(() => call("POST", `/api/snippets/${encodeURIComponent(one.id)}/restore`));
  if (back === undefined) return;
  await load();
  at.changed();
  say(t("snippet.restored", { title: one.questions[0] }));
  focusOn(one.id);
}

for (const control of [words, state, owner]) {
  control.addEventListener("input", () => {
    drawn = LISTED;
    draw();
  });
}
$("snippets-more").addEventListener("click", () => {
  drawn += LISTED;
  draw();
});
$("new-snippet").addEventListener("click", async () => {
  const made = await write(at.assistant);
  if (!made) return;
  state.value = "all";
  await load();
  at.changed();
  say(t("snippet.made", { title: made.questions[0] }));
  focusOn(made.id);
});
