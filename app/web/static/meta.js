// @ts-check
/** What stands below an answer: who wrote it, how it came about, copying, other answers, and what one thinks of it. */
import { candidatesTable } from "./candidates.js";
import { copyButton } from "./copying.js";
import { duration, h, has, headingPath, icon, pagesText, t } from "./dom.js";
import { opinion } from "./opinion.js";

/**
 * @typedef {import("./answer.js").Turn} Turn
 * @typedef {import("./stream.js").Message} Message
 * @typedef {import("./stream.js").Result} Result
 */

/** Which model does a stage's work. The whole identities stand in the details. */
const WORKERS = { recall: "embedder", rerank: "reranker" };
const TOLD = ["recall", "rerank", "generate", "total"];
const DETAILS = ["understand", "embed", "vector", "lexical", "fuse", "recall", "rerank", "select", "first_token",
  "generate", "total"];

/** A model's name without organisation, revision and precision. @param {string} identity */
const short = (identity) => identity.split(/[@:]/)[0].split("/").reduce((a, b) => (b.length > a.length ? b : a));

/** @param {string | undefined} identity @returns {string} " (name)", or nothing where no model took part */
const by = (identity) => (identity ? ` (${short(identity)})` : "");

/** @param {Turn} turn @param {Message} message */
export function footer(turn, message) {
  const { result } = message;
  const line = [];
  const actions = h("div", { class: "actions" });
  const element = h("footer", { class: "meta" }, h("p", {}), actions);
  if (message.variants.length > 1) actions.append(variants(turn, message));
  if (result) {
    const details = detailsOf(result);
    details.hidden = true;
    const toggle = h("button", { type: "button", class: "text-button", "aria-expanded": "false", onclick: () => {
      details.hidden = !details.hidden;
      toggle.setAttribute("aria-expanded", String(!details.hidden));
    } }, t("details"), icon("chevron"));
    actions.append(toggle);
    element.append(details);
    line.push(result.models.generator && t("answered_by", { generator: short(result.models.generator) }),
      ...TOLD.filter((name) => name in result.timings_ms)
        .map((name) => `${t(`stage.${name}`)} ${duration(result.timings_ms[name])}${by(result.models[WORKERS[name]])}`));
  }
  if (result && document.querySelector('nav a[href="/search"]')) { // where he may open it
    actions.append(h("a", { class: "text-button", href: `/search?message=${encodeURIComponent(message.id)}` }, t("inspect")));
  }
  if (message.text) {
    actions.append(copyButton(t(turn.isCard() ? "copy_all" : "copy"), () => wholeAnswer(turn)));
  }
  if (message.state === "complete") {
    const { settings } = turn;
    actions.append(again(turn, "regenerate", settings));
    if (result?.candidates.length) {
      actions.append(again(turn, settings.rerank ? "ask_without_rerank" : "ask_with_rerank", { ...settings, rerank: !settings.rerank }));
    }
  }
  if (message.text && !message.withheld) {
    const { thumbs, form } = opinion(message);
    actions.append(thumbs);
    element.append(form);
  }
  /** @type {HTMLElement} */ (element.firstChild).append(line.filter(Boolean).join(" · "));
  return element;
}

/** @param {Turn} turn @param {string} key @param {import("./stream.js").Settings} settings */
const again = (turn, key, settings) =>
  h("button", { type: "button", class: "text-button", onclick: () => turn.actions.again(turn, settings) }, t(key));

/** Every answer to this question; the one that is shown is the one the conversation goes on from.
 * @param {Turn} turn @param {Message} message */
function variants(turn, message) {
  const at = message.variants.findIndex(({ id }) => id === message.id);
  const step = (/** @type {string} */ key, /** @type {number} */ to) => {
    const other = message.variants[to];
    return h("button", { type: "button", class: `tool ${key}`, "aria-label": t(key), title: t(key), disabled: !other,
      onclick: () => turn.actions.choose(turn, other.id) }, icon("chevron"));
  };
  return h("span", { class: "variants", role: "group", "aria-label": t("variants") }, step("variant_before", at - 1),
    h("span", {}, t("variant", { index: at + 1, count: message.variants.length })), step("variant_after", at + 1));
}

/** The answer and its sources as Markdown. @param {Turn} turn */
function wholeAnswer(turn) {
  const lines = turn.passages.map((passage) => `- [${passage.number}] ` + [passage.title, passage.document,
    pagesText(passage.pages), headingPath(passage)].filter((part, i, all) => part && all.indexOf(part) === i).join(" · "));
  const sources = lines.length ? `\n\n## ${t("sources")}\n\n${lines.join("\n")}` : "";
  return `${turn.message?.text ?? ""}${sources}\n`;
}

/** @param {Result} result */
function detailsOf(result) {
  const facts = (/** @type {string} */ title, /** @type {(string[])[]} */ rows) => h("section", {}, h("h4", {}, title),
    h("dl", { class: "facts" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
  return h("div", { class: "details" },
    result.candidates.length ? candidatesTable(result.candidates) : null,
    h("div", { class: "detail-columns" },
      facts(t("timings"), DETAILS.filter((name) => name in result.timings_ms)
        .map((name) => [t(`stage.${name}`), duration(result.timings_ms[name])])),
      facts(t("models"), [...Object.entries(result.models).filter(([role, model]) => model && has(`role.${role}`))
        .map(([role, model]) => [t(`role.${role}`), model]), [t("trace"), result.trace_id]])));
}
