// @ts-check
/** The fields of an approved answer: what customers ask, what is said, what only colleagues read, until when. */
import { field } from "./calls.js";
import { h, t } from "./dom.js";

const DAY_MS = 86_400_000;
const USUAL_DAYS = 180;

/** A date so many days from now. @param {number} days */
export const inDays = (days) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

/** The field for the last day on which it is offered. @param {string} [date] @returns {HTMLInputElement} */
export const until = (date = inDays(USUAL_DAYS)) => /** @type {HTMLInputElement} */ (
  h("input", { type: "date", required: true, min: date < inDays(0) ? date : inDays(0), value: date }));

/**
 * @param {{questions?: string[], answer?: string, note?: string, expires_on?: string}} snippet what stands there first
 * @returns {{parts: HTMLElement[], body: () => {questions: string[], answer: string, note: string, expires_on: string}}}
 */
export function snippetFields({ questions = [], answer = "", note = "", expires_on }) {
  const area = (/** @type {string} */ value, /** @type {number} */ rows, /** @type {boolean} */ required) =>
    /** @type {HTMLTextAreaElement} */ (h("textarea", { rows, required }, value));
  const asked = area(questions.join("\n"), 2, true);
  const said = area(answer, 6, true);
  const inside = area(note, 3, false);
  const last = until(expires_on);
  return {
    parts: [field(t("snippet.questions"), asked, t("snippet.questions_about")), field(t("snippet.answer"), said, t("snippet.answer_about")),
      field(t("snippet.note"), inside, t("snippet.note_about")), field(t("snippet.expires"), last, t("snippet.expires_about"))],
    body: () => ({ questions: asked.value.split("\n").map((line) => line.trim()).filter(Boolean), answer: said.value.trim(),
      note: inside.value.trim(), expires_on: last.value }),
  };
}
