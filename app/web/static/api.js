// @ts-check
/** Calls to the JSON API of pages that only look and measure. */
import { t } from "./dom.js";
import { Problem } from "./stream.js";

/**
 * The reply's JSON. Throws `Problem` with a sentence for the reader, and `AbortError` where the signal fired.
 * @param {string} path @param {{method?: string, body?: unknown, raw?: BodyInit, signal?: AbortSignal}} [options] @returns {Promise<any>}
 */
export async function api(path, { method = "GET", body, raw, signal } = {}) {
  let response;
  try {
    response = await fetch(path, { method, signal, credentials: "same-origin",
      ...(body === undefined ? { body: raw } : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }) });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw new Problem("network", t("error_network"), true);
  }
  if (response.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : null;
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    // a proxy's page, not ours: the status is all that is known
  }
  throw new Problem(told.code ?? "http", told.detail || told.title || t("error_http", { status: response.status }),
    told.retryable ?? response.status >= 500);
}

/** Whether it is only that somebody pressed Stop. @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";
