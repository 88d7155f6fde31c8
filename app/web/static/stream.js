// @ts-check
/** Questions to the server, and the server-sent events of their answers. */

/**
 * @typedef {{number: number, chunk_id: string, document: string, title: string, pages: number[],
 *   headings: string[], text: string, relevance: number|null}} Passage
 * @typedef {{number: number, chunk_id: string, document: string, title: string, pages: number[],
 *   headings: string[], quote: string, start: number, end: number, position: number}} Citation
 * @typedef {{chunk_id: string, document: string, title: string, pages: number[], headings: string[],
 *   ranks: Record<string, number|null>, scores: Record<string, number|null>, relevance: number|null,
 *   passage: number|null}} Candidate
 * @typedef {{code: string, text: string}} Notice
 * @typedef {{question: string, language: string, answer: string, outcome: string, citations: Citation[],
 *   passages: Passage[], candidates: Candidate[], notices: Notice[], suggestions: string[], profile: string,
 *   models: Record<string, string>, timings_ms: Record<string, number>, trace_id: string}} Result
 * @typedef {{question: string, collection: string|null, instruction: string|null, rerank: boolean,
 *   history?: {question: string, answer: string}[]}} Request
 */

/** A failure the page explains: `code`, a sentence for the reader, and whether asking again may help. */
export class Problem extends Error {
  /** @param {string} code @param {string} message @param {boolean} retryable */
  constructor(code, message, retryable) {
    super(message);
    this.code = code;
    this.retryable = retryable;
  }
}

/** @param {Response} response @returns {Promise<Problem>} */
async function problemOf(response) {
  try {
    const body = await response.json();
    return new Problem(body.code || "http", body.detail || body.title || "", body.retryable ?? response.status >= 500);
  } catch {
    return new Problem("http", "", response.status >= 500);
  }
}

/** @param {string} path @param {RequestInit} [options] */
async function request(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw new Problem("network", "", true);
  }
  if (response.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  if (!response.ok) throw Object.assign(await problemOf(response), { status: response.status });
  return response;
}

/** @param {string} path @returns {Promise<any>} */
export const getJson = async (path) => (await request(path)).json();

/**
 * The events of one stream, in order (WHATWG HTML, "interpreting an event stream").
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{name: string, data: any}>}
 */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let name = "message";
  /** @type {string[]} */ let data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { name, data: JSON.parse(data.join("\n")) };
        name = "message";
        data = [];
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") name = text;
        else if (field === "data") data.push(text);
      }
    }
  }
}

/**
 * Ask one question. Resolves when the answer is complete; aborting the signal is Stop, and frees the model.
 * @param {Request} question @param {AbortSignal} signal
 * @param {Record<string, (data: any) => void>} handlers by event name; unknown events are passed over
 */
export async function ask(question, signal, handlers) {
  const response = await request("/api/ask", {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(question),
  });
  let complete = false;
  try {
    for await (const { name, data } of events(/** @type {ReadableStream<Uint8Array>} */ (response.body))) {
      if (name === "error") throw new Problem(data.code, data.message, data.retryable);
      complete ||= name === "answer";
      handlers[name]?.(data);
    }
  } catch (error) {
    if (error instanceof Problem || signal.aborted) throw error;
    throw new Problem("network", "", true);
  }
  if (!complete) throw new Problem("incomplete", "", true);
}
