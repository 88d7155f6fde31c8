// @ts-check
/** The page of assistants: which there are, which one is shown, and what may be done with it. */
import { assistantForm } from "./assistant_form.js";
import { ask, attempt, button, call, everything, say, send } from "./calls.js";
import { $, h, t } from "./dom.js";
import { showSnippets } from "./snippet_list.js";

/** @typedef {import("./scope.js").Assistant & {instruction: string, snippets: {approved: number, draft: number, expired: number}}} Assistant */

/** @type {Assistant[]} */ let assistants = [];
/** @type {string[]} */ let managed = []; // names of the knowledge bases for which somebody may make an assistant
let chosen = "";

const path = (/** @type {string} */ id) => `/api/assistants/${encodeURIComponent(id)}`;

/** @param {string} [wanted] id of the one to show */
async function load(wanted = chosen) {
  const found = await attempt(() => Promise.all([everything("/api/assistants"), call("GET", "/api/session")]));
  $("loading").hidden = true;
  if (!found) return;
  assistants = found[0];
  managed = found[1].collections.filter((/** @type {any} */ each) => each.level === "manage").map((/** @type {any} */ each) => each.name);
  const makes = managed.length > 0;
  $("new-assistant").hidden = !makes || assistants.length === 0;
  $("first-assistant").hidden = !makes;
  $("none-right").hidden = makes;
  $("no-assistants").hidden = assistants.length > 0;
  const one = assistants.find(({ id }) => id === wanted) ?? assistants[0];
  chosen = one?.id ?? "";
  draw();
  $("assistant-part").hidden = !one;
  if (one) await open(one);
}

function draw() {
  $("assistants").replaceChildren(...assistants.map((each) => {
    const { approved, draft, expired } = each.snippets;
    return h("li", {}, h("button", { type: "button", class: "assistant", "aria-pressed": String(each.id === chosen), "data-id": each.id,
      onclick: () => choose(each.id) },
    h("strong", {}, each.name), h("span", {}, t(`template.${each.template}`)), h("span", {}, each.collections.join(t("and"))),
    h("span", { class: "row-flags" }, each.template === "sales" ? h("span", { class: approved ? "flag good" : "flag" }, t("snippet.approved_n", { count: approved })) : null,
      draft ? h("span", { class: "flag gold" }, t("snippet.draft_n", { count: draft })) : null,
      expired ? h("span", { class: "flag bad" }, t("snippet.expired_n", { count: expired })) : null)));
  }));
}

/** @param {string} id */
async function choose(id) {
  chosen = id;
  draw();
  const button = /** @type {HTMLElement|undefined} */ ([...document.querySelectorAll(".assistant")].find((each) => /** @type {HTMLElement} */ (each).dataset.id === id));
  button?.focus();
  const one = assistants.find((each) => each.id === id);
  if (one) await open(one);
}

/** @param {Assistant} one */
async function open(one) {
  address(one.id);
  const fact = (/** @type {string} */ name, /** @type {string} */ value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  $("assistant-name").textContent = one.name;
  $("assistant-facts").replaceChildren(h("dl", { class: "facts" }, fact(t("form.template"), t(`template.${one.template}`)),
    fact(t("form.collections"), one.collections.join(t("and")) || t("no_collections")), fact(t("form.instruction"), one.instruction || t("no_instruction"))));
  const act = (/** @type {string} */ key, /** @type {() => unknown} */ doing, kind = "button") => button(t(key), doing, { class: kind, "aria-label": t(`label.${key}`, { name: one.name }) });
  $("assistant-actions").replaceChildren(...[
    one.collections.length > 0 && h("a", { class: "button", href: `/?assistant=${encodeURIComponent(one.id)}` }, t("ask")),
    one.may.edit && act("edit", () => edit(one.id)),
    one.may.edit && act("delete", () => remove(one), "button danger")].filter((each) => each instanceof Node));
  const kept = Object.values(one.snippets).some((count) => count > 0);
  $("snippets-part").hidden = one.template !== "sales" && !kept; // only a card offers them
  $("not-offered").hidden = one.template === "sales";
  await showSnippets({ assistant: one.id, approves: one.may.edit, writes: one.may.write_snippets, changed: recount });
}

/** What is shown has an address, which the links to other languages lead to as well. @param {string} id */
function address(id) {
  const here = new URL(location.href);
  here.searchParams.set("assistant", id);
  history.replaceState(null, "", here);
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".languages a"))) {
    const there = new URL(link.href);
    there.searchParams.set("assistant", id);
    link.href = there.href;
  }
}

/** The counts of the cards, after a change of an answer. */
async function recount() {
  assistants = await attempt(() => everything("/api/assistants")) ?? assistants;
  draw();
}

async function make() {
  const made = await assistantForm({ title: t("new"), collections: managed });
  if (!made) return;
  await load(made.id);
  say(t("made", { name: made.name }));
  $("assistant-name").focus();
}

/** @param {string} id */
async function edit(id) {
  const found = await attempt(async () => {
    const response = await send("GET", path(id));
    return { etag: response.headers.get("ETag") ?? "", assistant: await response.json() };
  });
  if (!found) return;
  const changed = await assistantForm({ title: t("edit_title", { name: found.assistant.name }), collections: managed, ...found });
  if (!changed) return;
  await load(id);
  say(t("changed", { name: changed.name }));
}

/** @param {Assistant} one */
async function remove(one) {
  const { approved, draft, expired } = one.snippets;
  const done = await ask({ title: t("delete_title", { name: one.name }), text: t("delete_about", { count: approved + draft + expired }),
    act: t("delete_go"), dangerous: true, send: () => call("DELETE", path(one.id)) });
  if (!done) return;
  await load("");
  say(t("deleted", { name: one.name }));
}

for (const id of ["new-assistant", "first-assistant"]) $(id).addEventListener("click", make);
await load(new URLSearchParams(location.search).get("assistant") ?? "");
