// @ts-check
/** Whom documents are fit for: what is chosen for a knowledge base, and for documents of their own. */
import { ask, attempt, below, button, call, choice, say } from "./calls.js";
import { h, t } from "./dom.js";

/** @typedef {"customer"|"internal"} Audience */

const AUDIENCES = /** @type {Audience[]} */ (["internal", "customer"]);

/** What a row says of it. @param {{audience: Audience, audience_of: string}} one */
export const audienceFlag = ({ audience, audience_of: of }) => h("span", { class: audience === "customer" ? "flag good" : "flag",
  title: of === "marking" ? t("audience.marking_about") : null }, t(of === "marking" ? "audience.marking" : `audience.${audience}`));

/** What one document may be set to. @param {Audience} [collection] that of its knowledge base */
const options = (collection) => /** @type {[string, string][]} */ ([["", collection ? t("audience.as_collection", { audience: t(`audience.${collection}`) }) : t("audience.collection_choice")],
  ...AUDIENCES.map((each) => [each, t(`audience.${each}`)])]);

/** @param {string} collection @param {string} name @param {string} audience "" for that of the knowledge base */
const put = (collection, name, audience) => call("PUT", `${below(collection, "/documents/audience")}?${new URLSearchParams({ name })}`, { body: { audience: audience || null } });

/**
 * Ask whom documents are fit for, and set it.
 * @param {string} collection @param {{name: string, audience: Audience, audience_of: string}[]} documents
 * @param {() => Promise<void>} changed some of them are set, or all
 */
export async function askAudience(collection, documents, changed) {
  const view = await attempt(() => call("GET", below(collection)));
  if (!view) return;
  const [first] = documents;
  const own = documents.length === 1 && first.audience_of === "document" ? first.audience : "";
  const chosen = choice(options(view.audience), own, { "aria-label": t("audience.title") });
  const marked = documents.filter((each) => each.audience_of === "marking").length;
  let done = 0;
  const set = await ask({ title: documents.length === 1 ? t("audience.of", { name: first.name }) : t("audience.bulk_title", { count: documents.length }),
    text: t("audience.about"), act: t("audience.bulk_go"), parts: [chosen, ...(marked ? [h("p", { class: "warning" }, t("audience.marked_n", { count: marked }))] : [])],
    send: async () => {
      for (const { name } of documents.slice(done)) {
        await put(collection, name, chosen.value);
        done += 1;
      }
    } });
  if (done) await changed();
  if (set) say(t("audience.bulk_done", { count: done }));
}

/** The card of a knowledge base's settings. @param {string} collection @param {Audience} now @param {() => void} changed */
export function audiencePart(collection, now, changed) {
  const name = "audience";
  return h("form", { class: "stack", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const audience = String(new FormData(form).get(name));
    attempt(async () => {
      await call("PUT", below(collection, "/audience"), { body: { audience } });
      say(t("audience.saved", { audience: t(`audience.${audience}`) }));
      changed();
    });
  } }, h("fieldset", { class: "choices" }, h("legend", { class: "visually-hidden" }, t("audience.title")), ...AUDIENCES.map((each) => h("label", {},
    h("input", { type: "radio", name, value: each, checked: each === now }), h("span", {}, t(`audience.${each}`)), h("span", { class: "quiet" }, t(`audience.${each}_about`))))),
  h("button", { class: "main-button" }, t("audience.save")));
}

/** The row's button. @param {string} name @param {() => unknown} act */
export const audienceButton = (name, act) => button(t("audience.change"), act, { class: "text-button audience-button", "aria-label": t("audience.of", { name }) });
