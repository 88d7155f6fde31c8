// @ts-check
/** Approved answers that match a question: what a colleague may say as it stands. */
import { copyButton } from "./copying.js";
import { day, h, icon, personName, t } from "./dom.js";
import { render } from "./markdown.js";
import { plainText } from "./plain_text.js";

/** @typedef {import("./stream.js").Offer} Offer */

/** Nothing in it may be clicked: it is copied, not followed. */
const INERT = { links: new Set(), chip: () => null };

/** @param {Offer[]} offers none: an empty fragment */
export function offersPart(offers) {
  if (!offers.length) return document.createDocumentFragment();
  const may = (/** @type {Offer} */ { state = "approved" }) => Number(state !== "approved");
  const inOrder = [...offers].sort((a, b) => may(a) - may(b)); // in an old answer, what may still be said comes first
  const title = t("offer.title", { count: offers.length });
  return h("section", { class: "offers", "aria-label": title }, h("h3", {}, title), ...inOrder.map(offerPart));
}

/** @param {Offer} offer */
function offerPart({ question, answer, note, owner: person, expires_on, state = "approved" }) {
  const owner = personName(person);
  const words = h("div", { class: "prose" });
  words.append(render(answer, INERT));
  const valid = state === "approved";
  return h("article", { class: valid ? "say-card offer" : "say-card offer is-old" },
    h("header", { class: "say-head" }, h("h4", {}, question),
      h("p", { class: valid ? "badge approved" : "badge" }, icon(valid ? "check" : "clock"), t(`offer.state.${state}`))),
    words,
    !valid && h("p", { class: "hint-note" }, t(`offer.about.${state}`, { owner, date: day(expires_on) })),
    note && h("div", { class: "offer-note" }, h("p", { class: "badge internal" }, icon("lock"), t("offer.note")), h("p", {}, note)),
    h("div", { class: "say-tools" },
      valid && copyButton(t("copy_for_customer"), () => plainText(words), { class: "button copy", "aria-label": t("offer.copy", { question }) }),
      h("p", { class: "offer-by" }, [t("offer.owner", { owner }), valid && t("offer.until", { date: day(expires_on) })].filter(Boolean).join(" · "))));
}
