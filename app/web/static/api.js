// @ts-check
/** Calls to the JSON API of pages that only look and measure. */
import { call } from "./calls.js";

/**
 * The reply's JSON. Throws `Problem` with a sentence for the reader, and `AbortError` where the signal fired.
 * @param {string} path @param {{method?: string, body?: unknown, raw?: BodyInit, signal?: AbortSignal}} [options] @returns {Promise<any>}
 */
export const api = (path, { method = "GET", ...rest } = {}) => call(method, path, rest);

/** Whether it is only that somebody pressed Stop. @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";
