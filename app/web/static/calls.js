// @ts-check
/** Calls of the JSON API that change something, and what working pages say and ask beside them. */
import { $, h, icon, language, t } from "./dom.js";
import { Problem } from "./stream.js";

export { everything } from "./stream.js";

const dates = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en", { dateStyle: "medium", timeStyle: "short" });

/**
 * Call the API. Gives the JSON of the answer, null where it has none; throws `Problem` (with `status`).
 * @param {string} method @param {string} path
 * @param {{body?: unknown, raw?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, { body, raw, headers = {}, signal } = {}) {
  const response = await send(method, path, { body, raw, headers, signal });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/**
 * Like `call`, with the answer as it comes.
 * @param {string} method @param {string} path
 * @param {{body?: unknown, raw?: BodyInit, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 */
export async function send(method, path, { body, raw, headers = {}, signal } = {}) {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, signal, credentials: "same-origin", headers: { ...json, ...headers },
      body: body === undefined ? raw : JSON.stringify(body) });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw new Problem("network", t("error_network"), true);
  }
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  if (!response.ok) throw problemOf(response.status, await response.text());
  return response;
}

/** The problem that a refused request was answered with. @param {number} status @param {string} text */
export function problemOf(status, text) {
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    // not from this server, or cut off: the status is all that is known
  }
  const said = told.detail || told.title || t("error_http", { status });
  return Object.assign(new Problem(told.code || "http", said, told.retryable ?? status >= 500), { status });
}

/** What an error says to the reader; errors of the page itself are thrown on. @param {unknown} error */
export function words(error) {
  if (!(error instanceof Problem)) throw error;
  return error.message || t("error_network");
}

/** An address below a knowledge base, whose name may hold anything. @param {string} name @param {string} [rest] */
export const below = (name, rest = "") => `/api/collections/${encodeURIComponent(name)}${rest}`;

/** @param {string} iso */
export const when = (iso) => dates.format(new Date(iso));

/** A moment as an element that machines can read. @param {string} iso */
export const time = (iso) => h("time", { datetime: iso }, when(iso));

/** A size in words. @param {number} bytes */
export function size(bytes) {
  for (const [unit, factor] of /** @type {[string, number][]} */ ([["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])) {
    if (bytes >= factor) return `${(bytes / factor).toFixed(bytes < 10 * factor ? 1 : 0)} ${unit}`;
  }
  return `${bytes} B`;
}

// --- what is said -----------------------------------------------------------------------------------------------

/**
 * Say what has happened, with what undoes it where that can be done. It stays until the next one or until it is
 * closed: nobody has to be quick.
 * @param {string} text @param {{undo?: () => void, undoLabel?: string, bad?: boolean}} [options]
 */
export function say(text, { undo, undoLabel = t("undo"), bad = false } = {}) {
  const place = $("said");
  const close = () => place.replaceChildren();
  place.replaceChildren(h("div", { class: bad ? "said bad" : "said" }, h("p", {}, text),
    undo && button(undoLabel, () => { close(); undo(); }, { class: "button" }),
    h("button", { type: "button", class: "tool", "aria-label": t("close"), onclick: close }, icon("close"))));
}

/**
 * Do something, and say what went wrong. Gives undefined then.
 * @template T @param {() => Promise<T>} act @returns {Promise<T|undefined>}
 */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    say(words(error), { bad: true });
    return undefined;
  }
}

// --- elements ---------------------------------------------------------------------------------------------------

/** A button that cannot be pressed again while what it does goes on. @param {string} text
 * @param {(event: Event) => unknown} act @param {Record<string, unknown>} [attributes] */
export function button(text, act, attributes = {}) {
  const made = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "text-button", ...attributes,
    onclick: async (/** @type {Event} */ event) => {
      if (made.getAttribute("aria-disabled") === "true") return;
      made.setAttribute("aria-disabled", "true");
      try {
        await act(event);
      } finally {
        made.removeAttribute("aria-disabled");
      }
    } }, text));
  return made;
}

let fields = 0;

/**
 * A labelled field. Its `input` is the control itself.
 * @param {string} label @param {HTMLElement} input @param {string} [hint]
 */
export function field(label, input, hint = "") {
  input.id ||= `field-${fields += 1}`;
  if (hint) input.setAttribute("aria-describedby", `${input.id}-hint`);
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input,
    hint && h("p", { class: "field-hint", id: `${input.id}-hint` }, hint));
}

/** A choice. @param {[string, string][]} options value and words @param {string} [chosen] @param {Record<string, unknown>} [attributes] */
export const choice = (options, chosen = "", attributes = {}) => /** @type {HTMLSelectElement} */ (h("select", attributes,
  ...options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))));

/**
 * A sheet over the page; Escape and the close button end it, and the focus goes back to where it was.
 * @param {string} title @param {{wide?: boolean, closed?: () => void}} [options]
 */
export function sheet(title, { wide = false, closed } = {}) {
  const opener = /** @type {HTMLElement|null} */ (document.activeElement);
  const heading = h("h2", { id: `sheet-${fields += 1}` }, title);
  const body = h("div", { class: "sheet-body", tabindex: "0", role: "group", "aria-labelledby": heading.id });
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: wide ? "dialog wide" : "dialog",
    "aria-labelledby": heading.id },
  h("header", { class: "dialog-head" }, heading, h("button", { type: "button", class: "tool",
    "aria-label": t("close"), onclick: () => dialog.close() }, icon("close"))), body));
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (opener?.isConnected) opener.focus();
    closed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, body };
}

/**
 * Ask before something is done. Gives whether it shall be, or, with `send`, whether it was.
 * @param {{title: string, text?: string, act: string, dangerous?: boolean, parts?: Node[], send?: () => Promise<unknown>}} question
 *   `parts`: fields of the form. `send`: does it; what it throws is said in the form, which stays as it was filled
 * @returns {Promise<boolean>}
 */
export function ask({ title, text = "", act, dangerous = false, parts = [], send: doing }) {
  return new Promise((resolve) => {
    let answered = false;
    const wrong = h("p", { class: "form-error", role: "alert", hidden: true });
    const { dialog, body } = sheet(title, { closed: () => resolve(answered) });
    const go = h("button", { class: dangerous ? "main-button danger" : "main-button" }, act);
    body.removeAttribute("tabindex");
    body.append(h("form", { onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      if (go.getAttribute("aria-disabled") === "true") return;
      go.setAttribute("aria-disabled", "true");
      try {
        await doing?.();
        answered = true;
        dialog.close();
      } catch (error) {
        wrong.textContent = words(error);
        wrong.hidden = false;
      } finally {
        go.removeAttribute("aria-disabled");
      }
    } }, text && h("p", {}, text), ...parts, wrong, h("div", { class: "dialog-foot" },
      button(t("cancel"), () => dialog.close(), { class: "button" }), go)));
    (body.querySelector("input, select, textarea") ?? go).focus();
  });
}

/**
 * Tabs after the ARIA pattern: arrows move, the address keeps the choice.
 * @param {HTMLElement} list holds buttons with `role=tab` and `aria-controls` @param {(name: string) => unknown} shown
 */
export function tabs(list, shown) {
  const all = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[role="tab"]:not([hidden])')]);
  const show = (/** @type {HTMLElement} */ tab, focus = false) => {
    for (const one of list.querySelectorAll('[role="tab"]')) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", String(chosen));
      /** @type {HTMLElement} */ (one).tabIndex = chosen ? 0 : -1;
      $(one.getAttribute("aria-controls") ?? "").hidden = !chosen;
    }
    if (focus) tab.focus();
    if (!$("said").querySelector(".button")) $("said").replaceChildren(); // what can be undone stays
    const name = tab.dataset.tab ?? "";
    if (location.hash.slice(1) !== name) history.replaceState(null, "", `#${name}`);
    shown(name);
  };
  list.addEventListener("click", (event) => {
    const tab = /** @type {HTMLElement} */ (event.target).closest('[role="tab"]');
    if (tab) show(/** @type {HTMLElement} */ (tab));
  });
  list.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = all().indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (!move || at < 0) return;
    event.preventDefault();
    show(all()[(at + move + all().length) % all().length], true);
  });
  return (/** @type {string} */ wanted) => show(all().find((one) => one.dataset.tab === wanted) ?? all()[0]);
}
