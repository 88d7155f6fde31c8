// @ts-check
/** The people page: users and groups. What is granted, keys and the audit log have modules of their own. */
import { ask, attempt, button, call, choice, everything, field, say, send, sheet, tabs, time } from "./calls.js";
import { $, h, t, who } from "./dom.js";
import { showAudit, showGrants, showKeys } from "./people_access.js";
import { Problem } from "./stream.js";

const ROLES = ["viewer", "editor", "admin"];
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 letters that nobody takes for each other

/** @type {any[]} */ let users = [];
/** @type {any[]} */ let groups = [];

const roles = () => /** @type {[string, string][]} */ (ROLES.map((role) => [role, t(`roles.${role}`)]));
const m = (/** @type {string} */ key, /** @type {Record<string, unknown>} */ values = {}) => t(`manage.${key}`, values);

/** A password with 100 bits of chance, in groups that can be read out. */
function madeUp() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => LETTERS[byte % 32]).join("");
  return /** @type {string[]} */ (letters.match(/.{5}/g)).join("-");
}

/** A field for a password that is handed to somebody. */
function passwordField() {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "password", autocomplete: "new-password", required: true, minlength: 12 }));
  const made = field(m("password"), input, m("password_hint"));
  made.append(button(m("generate"), () => {
    input.type = "text";
    input.value = madeUp();
    input.select();
  }, { class: "button" }));
  return { input, made };
}

/** Ask, do it, and tell whether it was done. @param {Parameters<typeof ask>[0]} question @param {() => Promise<unknown>} send */
const form = (question, send) => ask({ ...question, send });

// --- users ------------------------------------------------------------------------------------------------------

async function load() {
  const found = await attempt(() => Promise.all([everything("/api/users"), everything("/api/groups")]));
  if (!found) return;
  [users, groups] = found;
  $("users-count").textContent = m("users_n", { count: users.length });
  $("users").replaceChildren(...users.map(userRow));
  $("groups").replaceChildren(groups.length ? h("ul", { class: "people-list" }, ...groups.map(groupRow)) : h("p", { class: "empty-note" }, m("no_groups")));
}

/**
 * Edit a user as he is shown here: where another admin has changed him meanwhile, nothing is done, and it says so.
 * @param {string} method @param {any} shown @param {object} [body]
 */
async function change(method, shown, body) {
  const path = `/api/users/${shown.id}`;
  const reply = await send("GET", path);
  const now = await reply.json();
  if (now.role !== shown.role || now.active !== shown.active) throw new Problem("outdated", m("changed_meanwhile", { name: shown.name }), true);
  await call(method, path, { body, headers: { "If-Match": reply.headers.get("ETag") ?? "" } });
}

/** @param {any} user */
function userRow(user) {
  const { id, name } = user;
  const patch = (/** @type {object} */ body, /** @type {string} */ said) => attempt(async () => {
    await change("PATCH", user, body);
    say(said);
  }).then(load);
  const role = choice(roles(), user.role, { "aria-label": m("role_of", { name }) });
  role.addEventListener("change", () => patch({ role: role.value }, m("role_set", { name, role: t(`roles.${role.value}`) })));
  const act = (/** @type {string} */ key, /** @type {() => unknown} */ doing) => button(m(key), doing, { "aria-label": m(`${key}_label`, { name }) });
  return h("li", { class: user.active ? null : "off" },
    h("div", { class: "row-text" }, h("p", { class: "row-name" }, name, " ",
      id === who && h("span", { class: "flag gold" }, m("you")), !user.active && h("span", { class: "flag bad" }, m("disabled"))),
    h("p", { class: "quiet" }, user.signed_in_at ? m("signed_in") : m("never"), " ", user.signed_in_at && time(user.signed_in_at)),
    user.groups.length ? h("p", { class: "quiet" }, m("in_groups", { names: user.groups.map((/** @type {any} */ each) => each.name).join(", ") })) : null),
    role,
    h("div", { class: "row-actions" },
      user.active ? act("disable", async () => {
        const question = { title: m("disable_title", { name }), text: m("disable_about"), act: m("disable"), dangerous: true };
        if (await ask(question)) await patch({ active: false }, m("disabled_now", { name }));
      }) : act("enable", () => patch({ active: true }, m("enabled_now", { name }))),
      act("reset", () => reset(user)),
      act("unlock", () => attempt(async () => {
        const { unlocked } = await call("POST", `/api/users/${id}/unlock`);
        say(m(unlocked ? "unlocked" : "not_locked", { name }));
      })),
      act("remove", async () => {
        const question = { title: m("remove_title", { name }), text: m("remove_about"), act: m("remove_go"), dangerous: true };
        if (await form(question, () => change("DELETE", user))) say(m("removed", { name }));
        await load();
        $("users-count").focus();
      })));
}

/** @param {any} user */
async function reset({ id, name }) {
  const { input, made } = passwordField();
  const question = { title: m("reset_title", { name }), text: m("reset_about"), act: m("reset_go"), parts: [made] };
  if (await form(question, () => call("PUT", `/api/users/${id}/password`, { body: { password: input.value } }))) say(m("reset_done", { name }));
}

$("add-user").addEventListener("click", async () => {
  const name = /** @type {HTMLInputElement} */ (h("input", { type: "text", required: true, maxlength: 64, autocomplete: "off", autocapitalize: "none", spellcheck: "false" }));
  const role = choice(roles(), "viewer");
  const { input, made } = passwordField();
  const parts = [field(m("name"), name, m("name_hint")), field(m("role"), role, m("role_hint")), made];
  const body = () => ({ name: name.value, role: role.value, password: input.value });
  if (await form({ title: m("add"), act: m("add"), parts }, () => call("POST", "/api/users", { body: body() }))) say(m("added", { name: name.value }));
  await load();
});

// --- groups -----------------------------------------------------------------------------------------------------

/** @param {any} group */
function groupRow(group) {
  const { id, name } = group;
  return h("li", {}, h("div", { class: "row-text" }, h("p", { class: "row-name" }, name), h("p", { class: "quiet" }, m("members_n", { count: group.members }))),
    h("div", { class: "row-actions" }, button(m("members"), () => members(group), { "aria-label": m("members_label", { name }) }),
      button(m("remove"), async () => {
        const question = { title: m("group_remove_title", { name }), text: m("group_remove_about"), act: m("group_remove_go"), dangerous: true };
        if (await form(question, () => call("DELETE", `/api/groups/${id}`))) say(m("group_removed", { name }));
        await load();
      }, { "aria-label": m("remove_label", { name }) })));
}

/** @param {any} group */
async function members(group) {
  const { body } = sheet(m("members_label", { name: group.name }), { closed: load });
  const address = `/api/groups/${group.id}/members`;
  const draw = async () => {
    const inside = await attempt(() => everything(address));
    if (!inside) return;
    const ids = new Set(inside.map((each) => each.id));
    const outside = users.filter((each) => !ids.has(each.id));
    const chosen = choice(outside.map((each) => [each.id, each.name]), "");
    const act = (/** @type {string} */ method, /** @type {string} */ id) => attempt(() => call(method, `${address}/${id}`)).then(draw);
    body.replaceChildren(
      inside.length ? h("ul", { class: "rows" }, ...inside.map((each) => h("li", {}, h("p", { class: "row-name" }, each.name, " ", h("span", { class: "flag" }, t(`roles.${each.role}`))),
        button(m("take_out"), () => act("DELETE", each.id), { class: "button", "aria-label": m("take_out_label", { name: each.name }) }))))
        : h("p", { class: "empty-note" }, m("no_members")),
      ...(outside.length ? [h("form", { class: "add-line", onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        act("PUT", chosen.value);
      } }, field(m("add_member"), chosen), h("button", { class: "button" }, m("add_member_go")))] : []));
  };
  await draw();
}

$("add-group").addEventListener("click", async () => {
  const name = /** @type {HTMLInputElement} */ (h("input", { type: "text", required: true, maxlength: 64, autocomplete: "off" }));
  const question = { title: m("new_group"), act: m("group_go"), parts: [field(m("name"), name, m("name_hint"))] };
  if (await form(question, () => call("POST", "/api/groups", { body: { name: name.value } }))) say(m("group_made", { name: name.value }));
  await load();
});

tabs($("tabs"), async (tab) => {
  if (tab === "keys") return showKeys();
  await load();
  if (tab === "grants") await showGrants(users, groups);
  if (tab === "audit") await showAudit(users, groups);
})(location.hash.slice(1));
