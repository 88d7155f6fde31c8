// @ts-check
/** The address and the title of the conversation that is shown. */
import { $, t } from "./dom.js";
import { Problem } from "./stream.js";

/** The links to other languages lead to the place that is shown. */
function addressed() {
  for (const link of document.querySelectorAll(".languages a")) {
    link.setAttribute("href", `${location.pathname}?lang=${link.getAttribute("lang")?.slice(0, 2)}`);
  }
}

/** Make this the address; going back leads to the one before. @param {string} path */
export function go(path) {
  const stays = location.pathname === path;
  if (!stays || location.search) history[stays ? "replaceState" : "pushState"](null, "", path);
  addressed();
}

/** The conversation that the address names; "" for a new one. */
export const named = () => decodeURIComponent(/^\/c\/([^/]+)$/.exec(location.pathname)?.[1] ?? "");

/** @param {string} title */
export function setTitle(title) {
  document.title = title ? `${title} · ${t("brand")}` : t("brand");
  $("talk-title").textContent = title;
  $("talk-title").hidden = !title;
}

/** Tell those who do not see the page. @param {string} text @param {boolean} [seen] shown on the page, too */
export function announce(text, seen = false) {
  $("announcer").textContent = text;
  if (seen) $("state-line").textContent = text;
}

/** Say why something could not be done; faults of the page itself are thrown on. @param {unknown} error */
export function complain(error) {
  if (!(error instanceof Problem)) throw error;
  announce(error.message || t("error_network"), true);
}
