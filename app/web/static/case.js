// @ts-check
/** Keep a question with the passages that answer it as a case of a golden set. */
import { api } from "./api.js";
import { h, t } from "./dom.js";
import { Problem } from "./stream.js";

/** @typedef {import("./found.js").Found} Found */

/** The golden sets somebody may add to; none where he may not. @returns {Promise<{id: string, name: string, collection: string}[]>} */
export async function goldenSets() {
  const all = [];
  try {
    for (let cursor = ""; ;) {
      const page = await api(`/api/golden?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      all.push(...page.data);
      if (!page.next_cursor) return all;
      cursor = page.next_cursor;
    }
  } catch (error) {
    if (error instanceof Problem && error.code === "forbidden") return all;
    throw error;
  }
}

/**
 * A form that saves the question. A set is made where there is none yet.
 * @param {{question: string, collections: string[], sets: {id: string, name: string, collection: string}[],
 *   chosen: () => Found[], say: (text: string) => void}} what
 */
export function caseForm({ question, collections, sets, chosen, say }) {
  const fitting = sets.filter((one) => collections.includes(one.collection));
  const set = /** @type {HTMLSelectElement} */ (h("select", { id: "case-set" },
    ...fitting.map((one) => h("option", { value: one.id }, `${one.name} (${one.collection})`)),
    ...collections.map((name) => h("option", { value: `new:${name}` }, t("case.new", { collection: name })))));
  const name = /** @type {HTMLInputElement} */ (h("input", { id: "case-name", type: "text", maxlength: "100" }));
  const named = h("div", { class: "field" }, h("label", { for: "case-name" }, t("case.name")), name);
  const none = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox" }));
  const error = h("p", { class: "form-error", role: "alert", hidden: true });
  const isNew = () => set.value.startsWith("new:");
  const follow = () => { named.hidden = !isNew(); };
  set.addEventListener("change", follow);
  follow();
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    error.hidden = true;
    try {
      let id = set.value;
      if (isNew()) {
        const made = await api("/api/golden", { method: "POST", body: { collection: id.slice(4), name: name.value } });
        sets.push(made);
        id = made.id;
        set.prepend(h("option", { value: id, selected: true }, `${made.name} (${made.collection})`));
        follow();
      }
      const made = await api(`/api/golden/${encodeURIComponent(id)}/cases`, { method: "POST", body: { question,
        answerable: !none.checked,
        evidence: none.checked ? [] : chosen().map((one) => ({ document: one.document, quote: one.text, pages: one.pages })) } });
      say(made.state === "accepted" ? t("case.saved") : t("case.draft", { note: made.note }));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      error.hidden = false;
      error.textContent = problem.message;
    }
  };
  return h("details", { class: "part" }, h("summary", {}, t("case.title")),
    h("form", { class: "case", onsubmit: save }, h("p", { class: "quiet" }, t("case.about")),
      h("div", { class: "field" }, h("label", { for: "case-set" }, t("case.set")), set), named,
      h("div", { class: "ticks" }, h("label", {}, none, t("case.none"))), error,
      h("button", { class: "button" }, t("case.save"))));
}
