// @ts-check
/** The form of an assistant: its name, what it writes, what it asks and by which instruction. */
import { ask, attempt, call, choice, field } from "./calls.js";
import { h, t } from "./dom.js";
import { newKey, Problem } from "./stream.js";

const TEMPLATES = ["sales", "answer"];

/**
 * Make an assistant, or change the one that is given. Gives what the server made of it, null where nothing was sent.
 * @param {{title: string, collections: string[], assistant?: any, etag?: string}} what `collections`: those it may ask
 */
export async function assistantForm({ title, collections, assistant = null, etag = "" }) {
  const presets = await attempt(() => call("GET", "/api/presets"));
  const name = /** @type {HTMLInputElement} */ (h("input", { type: "text", required: true, maxlength: 100, autocomplete: "off", value: assistant?.name ?? "" }));
  const instruction = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: 3, maxlength: 500 }, assistant?.instruction ?? ""));
  const preset = choice([["", t("form.preset")], ...(presets?.data ?? []).map((/** @type {any} */ one) => [one.instruction, one.title])], instruction.value);
  preset.addEventListener("change", () => { if (preset.value) instruction.value = preset.value; });
  const templates = boxes("radio", t("form.template"), TEMPLATES.map((one) => [one, t(`template.${one}`), t(`template.${one}_about`)]), [assistant?.template ?? TEMPLATES[0]]);
  const asked = assistant?.collections ?? (collections.length === 1 ? collections : []);
  const names = [...new Set([...collections, ...asked])];
  const bases = boxes("checkbox", t("form.collections"), names.map((one) => [one, one, ""]), asked);
  const key = newKey();
  /** @type {any} */ let made = null;
  await ask({ title, act: t("form.save"), parts: [field(t("form.name"), name, t("form.name_about")), templates.element, bases.element,
    field(t("form.preset_label"), preset), field(t("form.instruction"), instruction, t("form.instruction_about"))],
  send: async () => {
    if (!bases.chosen().length) throw new Problem("collections", t("form.no_collection"), false);
    const body = { name: name.value.trim(), template: templates.chosen()[0], instruction: instruction.value.trim(), collections: bases.chosen() };
    made = assistant
      ? await call("PATCH", `/api/assistants/${encodeURIComponent(assistant.id)}`, { body, headers: { "If-Match": etag } })
      : await call("POST", "/api/assistants", { body, headers: { "Idempotency-Key": key } });
  } });
  return made;
}

let groups = 0;

/** Things to tick. @param {"radio"|"checkbox"} type @param {string} legend @param {[string, string, string][]} options value, words, and what it means
 * @param {string[]} ticked */
function boxes(type, legend, options, ticked) {
  const group = `boxes-${groups += 1}`;
  const element = h("fieldset", { class: "choices" }, h("legend", {}, legend), ...options.map(([value, text, about]) => h("label", {},
    h("input", { type, name: group, value, checked: ticked.includes(value) }), h("span", {}, text), about && h("span", { class: "quiet" }, about))));
  return { element, chosen: () => [...element.querySelectorAll("input:checked")].map((one) => /** @type {HTMLInputElement} */ (one).value) };
}
