// @ts-check
/** For admins: who may do what with which knowledge base, everybody's API keys, and the audit log. */
import { ask, attempt, below, button, call, choice, everything, field, say, time } from "./calls.js";
import { $, h, has, t } from "./dom.js";

const LEVELS = ["read", "write", "manage"];
const ACTIONS = ["setup", "sign_in", "sign_out", "throttled", "session_end", "user_add", "user_role", "user_disable", "user_enable",
  "user_password", "user_remove", "user_unlock", "group_add", "group_remove", "member_add", "member_remove", "grant_set",
  "grant_remove", "key_add", "key_revoke", "collection_add", "collection_delete", "settings", "upload", "delete",
  "restore_document", "rollback", "purge", "reindex", "export", "backup", "restore",
  "assistant_add", "assistant_change", "assistant_delete", "snippet_add", "snippet_change", "snippet_approve",
  "snippet_delete", "snippet_restore"];

const m = (/** @type {string} */ key, /** @type {Record<string, unknown>} */ values = {}) => t(`manage.${key}`, values);
const levels = () => /** @type {[string, string][]} */ (LEVELS.map((level) => [level, t(`levels.${level}`)]));

// --- grants -----------------------------------------------------------------------------------------------------

/** @param {any[]} users @param {any[]} groups */
export async function showGrants(users, groups) {
  const chooser = /** @type {HTMLSelectElement} */ ($("collection"));
  const found = await attempt(() => call("GET", "/api/collections"));
  if (!found) return;
  const before = chooser.value;
  chooser.replaceChildren(...found.data.map((/** @type {any} */ each) => h("option", { value: each.name, selected: each.name === before }, each.name)));
  chooser.hidden = found.data.length === 0;
  chooser.onchange = () => grants(chooser.value, users, groups);
  if (found.data.length) await grants(chooser.value, users, groups);
  else $("grants").replaceChildren(h("p", { class: "empty-note" }, m("no_collections")));
}

/** @param {string} collection @param {any[]} users @param {any[]} groups */
async function grants(collection, users, groups) {
  const address = below(collection, "/grants");
  const found = await attempt(() => call("GET", address));
  if (!found) return;
  const again = () => grants(collection, users, groups);
  const set = (/** @type {string} */ kind, /** @type {string} */ name, /** @type {string} */ level) => attempt(async () => {
    await call("PUT", address, { body: { kind, name, level } });
    say(m("granted", { name, level: t(`levels.${level}`) }));
  }).then(again);
  const rows = found.data.map((/** @type {any} */ each) => {
    const { kind, name } = each;
    const level = choice(levels(), each.level, { "aria-label": m("level_of", { name }) });
    level.addEventListener("change", () => set(kind, name, level.value));
    return h("li", {}, h("div", { class: "row-text" }, h("p", { class: "row-name" }, name, " ", kind === "group" && h("span", { class: "flag" }, m("group_flag"))),
      h("p", { class: "quiet" }, m("granted_at"), " ", time(each.granted_at))), level,
    h("div", { class: "row-actions" }, button(m("take_back"), () => attempt(async () => {
      await call("DELETE", `${address}?${new URLSearchParams({ name, kind })}`);
      say(m("taken_back", { name }), { undo: () => set(kind, name, each.level) });
    }).then(again), { "aria-label": m("take_back_label", { name }) })));
  });
  const held = new Set(found.data.map((/** @type {any} */ each) => `${each.kind} ${each.id}`));
  const left = [...groups.map((each) => ["group", each]), ...users.filter((each) => each.role !== "admin").map((each) => ["user", each])]
    .filter(([kind, each]) => !held.has(`${kind} ${each.id}`));
  const grantee = choice(left.map(([kind, each]) => [`${kind} ${each.name}`, kind === "group" ? `${each.name} (${m("group_flag")})` : each.name]));
  const level = choice(levels(), "read");
  $("grants").replaceChildren(rows.length ? h("ul", { class: "people-list" }, ...rows) : h("p", { class: "empty-note" }, m("no_grants")),
    ...(left.length ? [h("form", { class: "add-line card", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const [kind, ...name] = grantee.value.split(" ");
      set(kind, name.join(" "), level.value);
    } }, field(m("grantee"), grantee), field(m("level"), level), h("button", { class: "main-button" }, m("grant")))] : []));
}

// --- keys -------------------------------------------------------------------------------------------------------

export async function showKeys() {
  const found = await attempt(() => Promise.all([everything("/api/keys?everyone=true"), call("GET", "/api/collections")]));
  if (!found) return;
  const names = new Map(found[1].data.map((/** @type {any} */ each) => [each.id, each.name]));
  const rows = found[0].map((key) => {
    const { name, owner } = key;
    const facts = [m("owner", { name: owner }), key.uses.map((/** @type {string} */ use) => t(`uses.${use}`)).join(", "),
      key.collections ? m("only", { names: key.collections.map((/** @type {string} */ id) => names.get(id) ?? id).join(", ") }) : m("all_collections")];
    return h("li", {}, h("div", { class: "row-text" }, h("p", { class: "row-name" }, name, " ", h("code", {}, `tsk_${key.id}_…`), " ",
      key.expires_at && Date.parse(key.expires_at) <= Date.now() && h("span", { class: "flag bad" }, t("keys.expired"))),
    h("p", { class: "quiet" }, facts.join(" · ")),
    h("p", { class: "quiet" }, key.expires_at ? m("expires") : m("for_ever"), " ", key.expires_at && time(key.expires_at), " · ",
      key.used_at ? m("used") : m("unused"), " ", key.used_at && time(key.used_at))),
    h("div", { class: "row-actions" }, button(m("revoke"), async () => {
      if (!await ask({ title: m("revoke_title", { name }), text: m("revoke_about"), act: m("revoke_go"), dangerous: true })) return;
      await attempt(async () => {
        await call("DELETE", `/api/keys/${key.id}`);
        say(m("revoked", { name }));
      });
      await showKeys();
    }, { "aria-label": m("revoke_label", { name, owner }) })));
  });
  $("keys").replaceChildren(rows.length ? h("ul", { class: "people-list" }, ...rows) : h("p", { class: "empty-note" }, m("no_keys")));
}

// --- audit ------------------------------------------------------------------------------------------------------

/** @param {any[]} users @param {any[]} groups */
export async function showAudit(users, groups) {
  const actor = choice([["", m("anyone")], ...users.map((each) => /** @type {[string, string]} */ ([each.id, each.name]))]);
  const action = choice([["", m("any_action")], ...ACTIONS.map((each) => /** @type {[string, string]} */ ([each, m(`action_of.${each}`)]))]);
  $("audit-filters").replaceChildren(field(m("actor"), actor), field(m("action"), action));
  const collections = (await attempt(() => call("GET", "/api/collections")))?.data ?? [];
  const names = new Map([...users, ...groups, ...collections].map((each) => [each.id, each.name]));
  const list = h("ul", { class: "people-list audit" });
  const more = button(m("more"), () => load(), { class: "button" });
  let cursor = "";
  let turn = 0; // an answer to filters that were changed meanwhile is late
  const load = async () => {
    const asked = turn;
    const query = new URLSearchParams({ actor: actor.value, action: action.value, ...(cursor && { cursor }) });
    const page = await attempt(() => call("GET", `/api/audit?${query}`));
    if (!page || asked !== turn) return;
    list.append(...page.data.map((/** @type {any} */ each) => entry(each, names)));
    cursor = page.next_cursor ?? "";
    more.hidden = !cursor;
    $("audit").replaceChildren(list.children.length ? list : h("p", { class: "empty-note" }, m("no_entries")), more);
  };
  const anew = () => {
    turn += 1;
    cursor = "";
    list.replaceChildren();
    return load();
  };
  actor.addEventListener("change", anew);
  action.addEventListener("change", anew);
  $("verify").onclick = verify;
  await anew();
}

/** @param {any} one @param {Map<string, string>} names */
function entry(one, names) {
  const word = has(`manage.action_of.${one.action}`) ? m(`action_of.${one.action}`) : one.action;
  const target = one.target ? names.get(one.target) ?? one.target : "";
  const details = Object.entries(one.details).map(([key, value]) => [key, names.get(String(value)) ?? value])
    .filter(([, value]) => value !== target).map(([key, value]) => `${key}: ${value}`);
  return h("li", {}, h("div", { class: "row-text" },
    h("p", { class: "row-name" }, one.actor_name || m("nobody"), " · ", word, " ", one.result !== "ok" && h("span", { class: "flag bad" }, m(`result.${one.result}`))),
    h("p", { class: "quiet" }, [target, ...details].filter(Boolean).join(" · ")),
    h("p", { class: "quiet" }, `#${one.seq} · `, time(one.at), one.address && ` · ${m("from", { address: one.address })}`)));
}

async function verify() {
  const noted = /** @type {HTMLInputElement} */ (h("input", { type: "text", maxlength: 64, autocomplete: "off", spellcheck: "false" }));
  if (!await ask({ title: m("verify"), act: m("verify"), parts: [field(m("verify_noted"), noted, m("verify_noted_hint"))] })) return;
  const found = await attempt(() => call("GET", `/api/audit/verify?${new URLSearchParams({ digest: noted.value.trim() })}`));
  if (!found) return;
  const said = found.broken_at ? m("broken", { seq: found.broken_at, reason: found.reason }) : m("verified", { count: found.entries, digest: found.digest });
  const known = found.noted === null ? "" : m(found.noted ? "noted" : "not_noted");
  say([said, known].filter(Boolean).join(" "), { bad: Boolean(found.broken_at) || found.noted === false });
}
