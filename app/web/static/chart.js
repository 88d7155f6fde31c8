// @ts-check
/** A chart that the server made, put into the page so that it takes the page's colours. */
import DOMPurify from "./vendor/dompurify-3.4.18/purify.es.mjs";
import { h, t } from "./dom.js";

const ALLOWED = { USE_PROFILES: { svg: true }, ADD_TAGS: ["desc"], RETURN_DOM_FRAGMENT: true };

/**
 * The chart at an address; a sentence in its place where it does not come. Its numbers stand in a table beside it.
 * @param {string} address @param {HTMLElement} [place] where another one stands until this one has come
 * @returns {HTMLElement}
 */
export function chart(address, place = h("div", { class: "chart-place" })) {
  fetch(address, { credentials: "same-origin" })
    .then(async (response) => {
      if (!response.ok) throw new Error(String(response.status));
      place.replaceChildren(DOMPurify.sanitize(await response.text(), ALLOWED));
    })
    .catch(() => place.replaceChildren(h("p", { class: "quiet" }, t("no_chart"))));
  return place;
}
