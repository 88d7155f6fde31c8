// @ts-check
/** The dialog in which a case of a golden set is labelled: its question, and every piece of evidence it has. */
import { attempt, say } from "./asking.js";
import { send } from "./calls.js";
import { h, t } from "./dom.js";
import { Problem } from "./stream.js";

const MOST_EVIDENCE = 100; // of one case, as the API takes them

/** @typedef {{document: string, quote: string, pages: number[]}} Evidence */

let fields = 0;

/** @param {string} label @param {HTMLElement} input */
function field(label, input) {
  const id = `case-field-${fields += 1}`;
  input.id = id;
  return h("div", { class: "field across" }, h("label", { for: id }, label), input);
}

/** One piece of evidence to be changed; pages go where its document is another one. @param {Evidence} given */
function piece(given) {
  const name = /** @type {HTMLInputElement} */ (h("input", { value: given.document, maxlength: "1024", autocomplete: "off" }));
  const quote = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: "3", maxlength: "20000" }, given.quote));
  const remove = h("button", { type: "button", class: "button small" }, t("evidence_remove"));
  const legend = h("legend", {});
  const whole = h("fieldset", { class: "evidence-piece" }, legend, field(t("edit_fields.document"), name),
    field(t("edit_fields.quote"), quote), remove);
  return { whole, legend, remove, name, read: () => ({ document: name.value.trim(), quote: quote.value.trim(),
    pages: name.value.trim() === given.document ? given.pages : [] }) };
}

/**
 * Show a case to be changed; it is accepted with what is saved. Somebody else's change meanwhile is not overwritten.
 * @param {string} path of the case @param {() => Promise<void>} then when it is saved
 */
export async function editCase(path, then) {
  const reply = await send("GET", path);
  const tag = reply.headers.get("ETag") ?? "";
  /** @type {{question: string, answerable: boolean, evidence: Evidence[]}} */ const one = await reply.json();
  const question = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: "2", maxlength: "2000", required: true }, one.question));
  const answerable = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", checked: one.answerable }));
  const error = h("p", { class: "form-error", role: "alert", hidden: true });
  const list = h("div", { class: "evidence-list" });
  const add = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "button small" }, t("evidence_add")));
  /** @type {ReturnType<typeof piece>[]} */ const pieces = [];
  const settle = () => {
    pieces.forEach((each, place) => {
      each.legend.textContent = t("evidence_n", { number: place + 1 });
      each.remove.setAttribute("aria-label", t("evidence_remove_n", { number: place + 1 }));
    });
    list.hidden = add.hidden = !answerable.checked;
    add.disabled = pieces.length >= MOST_EVIDENCE;
  };
  const insert = (/** @type {Evidence} */ given) => {
    const made = piece(given);
    made.remove.addEventListener("click", () => {
      const place = pieces.indexOf(made);
      pieces.splice(place, 1);
      made.whole.remove();
      settle();
      (pieces[place] ?? pieces[place - 1])?.name.focus();
      if (pieces.length === 0) add.focus();
    });
    pieces.push(made);
    list.append(made.whole);
    settle();
    return made;
  };
  for (const each of one.evidence.length ? one.evidence : [{ document: "", quote: "", pages: [] }]) insert(each);
  add.addEventListener("click", () => insert({ document: "", quote: "", pages: [] }).name.focus());
  answerable.addEventListener("change", settle);
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: "help sure", "aria-labelledby": "edit-title" },
    h("h2", { id: "edit-title" }, t("edit_title")),
    h("form", { class: "case", onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      const evidence = pieces.map((each) => each.read()).filter((each) => each.document || each.quote);
      const nameless = pieces.find((each) => !each.read().document && each.read().quote);
      if (answerable.checked && nameless) {
        error.hidden = false;
        error.textContent = t("evidence_nameless");
        nameless.name.focus();
        return;
      }
      try {
        await send("PATCH", path, { headers: { "If-Match": tag }, body: { question: question.value,
          answerable: answerable.checked, evidence: answerable.checked ? evidence : [] } });
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        error.hidden = false;
        error.textContent = problem.message;
        return;
      }
      dialog.close();
      say(t("changed"));
      await attempt(then);
    } }, field(t("edit_fields.question"), question), h("div", { class: "ticks" }, h("label", {}, answerable, t("edit_fields.answerable"))),
    list, add, error,
    h("div", { class: "exports" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("cancel")),
      h("button", { class: "main-button" }, t("save"))))));
  settle();
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
