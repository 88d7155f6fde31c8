// @ts-check
/** What the reader thinks of an answer: two thumbs, reasons and words. All of it can be taken back. */
import { h, icon, t } from "./dom.js";
import { act, Problem } from "./stream.js";

const REASONS = ["not_relevant", "wrong", "incomplete", "outdated_source", "bad_citation", "other"];

/** @typedef {import("./stream.js").Message} Message */

/** @param {Message} message @returns {{thumbs: HTMLElement, form: HTMLElement}} */
export function opinion(message) {
  const path = `/api/messages/${encodeURIComponent(message.id)}/feedback`;
  const said = h("span", { class: "quiet", role: "status" });
  const form = h("form", { class: "opinion", hidden: true, "aria-label": t("feedback.title") });
  const buttons = Object.fromEntries(["up", "down"].map((verdict) => [verdict, h("button", { type: "button",
    class: "tool thumb", "aria-pressed": "false", "aria-label": t(`feedback.${verdict}`), title: t(`feedback.${verdict}`),
    onclick: () => press(/** @type {"up"|"down"} */ (verdict)) }, icon(verdict === "up" ? "thumb-up" : "thumb-down"))]));
  const text = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: `words-${message.id}`, maxlength: 2000, rows: 2 }));

  const show = () => {
    for (const [verdict, button] of Object.entries(buttons)) {
      button.setAttribute("aria-pressed", String(message.feedback?.verdict === verdict));
    }
  };

  /** @param {() => Promise<void>} work @param {string} key */
  async function tell(work, key) {
    try {
      await work();
      said.textContent = t(`feedback.${key}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      said.textContent = error.message || t("error_network");
    }
    show();
  }

  /** @param {"up"|"down"} verdict */
  function press(verdict) {
    const taken = message.feedback?.verdict === verdict;
    form.hidden = taken || verdict === "up";
    if (taken) {
      tell(async () => {
        await act("DELETE", path);
        message.feedback = null;
      }, "withdrawn");
      return;
    }
    fill();
    tell(async () => { message.feedback = await act("PUT", path, { verdict, reasons: [], text: "" }); }, "thanks");
  }

  function fill() {
    const ticked = message.feedback?.verdict === "down" ? message.feedback.reasons : [];
    text.value = message.feedback?.verdict === "down" ? message.feedback.text : "";
    form.replaceChildren(
      h("fieldset", {}, h("legend", {}, t("feedback.why")), ...REASONS.map((reason) => h("label", {},
        h("input", { type: "checkbox", value: reason, checked: ticked.includes(reason) }), t(`feedback.${reason}`)))),
      h("label", { for: text.id }, t("feedback.words")), text,
      h("div", { class: "actions" }, h("button", { class: "button" }, t("feedback.send")),
        h("button", { type: "button", class: "text-button", onclick: () => { form.hidden = true; } }, t("feedback.close"))));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const reasons = [...form.querySelectorAll("input:checked")].map((one) => /** @type {HTMLInputElement} */ (one).value);
    tell(async () => {
      message.feedback = await act("PUT", path, { verdict: "down", reasons, text: text.value.trim() });
      form.hidden = true;
      buttons.down.focus();
    }, "thanks");
  });
  show();
  return { thumbs: h("span", { class: "variants" }, buttons.up, buttons.down, said), form };
}
