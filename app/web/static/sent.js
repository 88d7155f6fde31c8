// @ts-check
/** What was sent to the writer, as it was sent, and the answer that came of it. */
import { h, headingPath, t, where } from "./dom.js";
import { linksIn, render } from "./markdown.js";

/** @typedef {import("./found.js").Search} Search @typedef {import("./found.js").Sent} Sent */

/** @param {string} side @param {number} number */
const place = (side, number) => `sent-${side}-${number}`;

/** A number of tokens in words, "" where it was not kept. @param {number|null|undefined} count */
const tokens = (count) => (typeof count === "number" ? t("tokens", { count }) : "");

/** The answer; each mark leads to the passage it names. @param {Search} search @param {string} side */
export function answerPart(search, side) {
  if (!search.answer) return null;
  const known = new Set(search.passages.map((one) => one.number));
  const links = linksIn([search.question, ...search.passages.map((one) => one.text)]);
  const answer = h("div", { class: "given", "data-answer": side });
  answer.append(render(search.answer, { links, chip: (/** @type {number} */ number) => (known.has(number)
    ? h("a", { class: "flag gold", href: `#${place(side, number)}`, "aria-label": t("sent_as", { number }),
      onclick: (/** @type {Event} */ event) => lead(event, place(side, number)) }, String(number))
    : null) }));
  return answer;
}

/** Open the list a passage stands in, and go there. @param {Event} event @param {string} id */
function lead(event, id) {
  const item = document.getElementById(id);
  const list = item?.closest("details");
  if (!item || !list) return;
  event.preventDefault();
  list.open = true;
  item.scrollIntoView({ block: "nearest" });
  item.focus();
}

/** The passages as they were sent, in their order, with their tokens; and the whole prompt. @param {Search} search @param {string} side
 * @param {boolean} extractive the writer quotes passages, and reads nothing else of the prompt */
export function sentPart(search, side, extractive) {
  const { passages, prompt } = search;
  const all = prompt?.tokens ?? search.prompt_tokens;
  const own = passages.reduce((sum, one) => sum + (one.tokens ?? 0), 0);
  const counted = typeof all === "number" && passages.every((one) => typeof one.tokens === "number");
  return h("details", { class: "part" },
    h("summary", {}, t("sent", { count: passages.length }), all ? ` \u00b7 ${t("prompt_tokens", { count: all })}` : ""),
    passages.length === 0 && h("p", { class: "quiet" }, t("sent_none")),
    counted && h("p", { class: "quiet" }, t("prompt_parts", { passages: own, rest: Number(all) - own })
      + (prompt ? ` ${t("prompt_room", { count: prompt.context_tokens })}` : "")),
    h("ol", { class: "sent-list" }, ...passages.map((one) => h("li", { id: place(side, one.number), tabindex: "-1" },
      h("h4", {}, h("span", { class: "flag gold" }, t("sent_as", { number: one.number })), " ", where(one)),
      h("p", { class: "quiet" }, [headingPath(one), tokens(one.tokens),
        one.completes ? t("completes", { number: one.completes }) : ""].filter(Boolean).join(" \u00b7 ")),
      h("p", { class: "own-text" }, one.text)))),
    prompt ? h("details", { class: "whole" }, h("summary", {}, t("prompt_whole")), h("p", { class: "quiet" }, t(extractive ? "prompt_extractive" : "prompt_about")),
      ...prompt.messages.flatMap((one) => [h("h4", {}, t(`prompt_role.${one.role}`)),
        h("pre", { class: "command", tabindex: "0", role: "region", "aria-label": t(`prompt_role.${one.role}`) }, one.content)])) : null);
}
