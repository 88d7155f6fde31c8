// @ts-check
/** Forms of approved answers: writing one, changing one, and saying until when it may be offered. */
import { ask, attempt, call, choice, everything, field, send } from "./calls.js";
import { h, t } from "./dom.js";
import { snippetFields, until } from "./snippet_form.js";
import { render } from "./markdown.js";
import { newKey } from "./stream.js";

/** @typedef {import("./snippet_list.js").Snippet} Snippet */

/** @param {string} id @param {string} [rest] */
const path = (id, rest = "") => `/api/snippets/${encodeURIComponent(id)}${rest}`;

/** It as it is now, with the name of that state: who saves over somebody else's change is told. @param {string} id
 * @returns {Promise<{etag: string, snippet: Snippet}|undefined>} */
const read = (id) => attempt(async () => {
  const response = await send("GET", path(id));
  return { etag: response.headers.get("ETag") ?? "", snippet: await response.json() };
});

/** The words for the customer as a card shows them: nothing in it may be clicked. @param {Snippet} one */
export function wordsOf({ answer }) {
  const made = h("div", { class: "words" });
  made.append(render(answer, { links: new Set(), chip: () => null }));
  return made;
}

/** Write a draft. @param {string} assistant its id @returns {Promise<Snippet|null>} null where nothing was sent */
export async function write(assistant) {
  const { parts, body } = snippetFields({});
  const key = newKey();
  /** @type {any} */ let made = null;
  await ask({ title: t("snippet.new"), text: t("snippet.new_about"), act: t("snippet.save"), parts, send: async () => {
    made = await call("POST", `/api/assistants/${encodeURIComponent(assistant)}/snippets`, { body: body(), headers: { "Idempotency-Key": key } });
  } });
  return made;
}

/** Change one. @param {Snippet} one @returns {Promise<Snippet|null>} */
export async function edit(one) {
  const [found, people] = await Promise.all([read(one.id), owners()]);
  if (!found) return null;
  const { parts, body } = snippetFields(found.snippet);
  const was = found.snippet.owner;
  const owner = choice([...new Map([[was.id, was.name], ...people])], was.id);
  if (people.length) parts.push(field(t("snippet.owner_label"), owner, t("snippet.owner_about")));
  /** @type {any} */ let made = null;
  await ask({ title: t("snippet.edit_title"), text: found.snippet.state === "approved" ? t("snippet.edit_about") : "", act: t("snippet.save_change"), parts, send: async () => {
    const other = owner.value === was.id ? {} : { owner: owner.value };
    made = await call("PATCH", path(one.id), { body: { ...body(), ...other }, headers: { "If-Match": found.etag } });
  } });
  return made;
}

/** Let it be offered, until a day. @param {Snippet} one @returns {Promise<Snippet|null>} */
export async function approve(one) {
  const found = await read(one.id);
  if (!found) return null;
  const { snippet, etag } = found;
  const last = snippet.state === "draft" ? until(snippet.expires_on) : until();
  /** @type {any} */ let made = null;
  await ask({ title: t(snippet.state === "draft" ? "snippet.approve_title" : "snippet.renew_title"), act: t(snippet.state === "draft" ? "snippet.approve" : "snippet.renew"),
    parts: [h("p", { class: "row-name" }, snippet.questions[0]), wordsOf(snippet), field(t("snippet.expires"), last, t("snippet.expires_about"))],
    send: async () => { made = await call("POST", path(one.id, "/approve"), { body: { expires_on: last.value }, headers: { "If-Match": etag } }); } });
  return made;
}

/** Who may own one, as far as whoever asks may know: admins only, where there are accounts. @returns {Promise<[string, string][]>} */
async function owners() {
  const session = await attempt(() => call("GET", "/api/session"));
  if (session?.role !== "admin" || session.by === "local") return [];
  const users = await attempt(() => everything("/api/users")) ?? [];
  return users.filter((/** @type {any} */ each) => each.active).map((/** @type {any} */ each) => [each.id, each.name]);
}
