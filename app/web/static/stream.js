// @ts-check
/** Requests to the server, and the server-sent events of answers, which belong to it and not to the connection. */

/**
 * @typedef {{number: number, chunk_id: string, document: string, title: string, pages: number[],
 *   headings: string[], text: string, relevance: number|null, audience?: "customer"|"internal"}} Passage
 * @typedef {{number: number, chunk_id: string, document: string, title: string, pages: number[],
 *   headings: string[], quote: string, start: number, end: number, position: number}} Citation
 * @typedef {{chunk_id: string, document: string, title: string, pages: number[], headings: string[],
 *   ranks: Record<string, number|null>, scores: Record<string, number|null>, relevance: number|null,
 *   passage: number|null}} Candidate
 * @typedef {{code: string, text: string}} Notice
 * @typedef {{id: string, name: string, template: "answer"|"sales"}} Assistant
 * @typedef {{name: "say"|"internal", start: number, end: number}} Part in code points of the answer
 * @typedef {{snippet_id: string, question: string, answer: string, note: string, owner: {id: string, name: string},
 *   expires_on: string, relevance: number|null, state?: "approved"|"changed"|"expired"|"draft"|"deleted"}} Offer
 * @typedef {{question: string, language: string, answer: string, outcome: string, citations: Citation[],
 *   passages: Passage[], candidates: Candidate[], notices: Notice[], suggestions: string[], profile: string,
 *   models: Record<string, string>, timings_ms: Record<string, number>, trace_id: string,
 *   assistant?: Assistant|null, parts?: Part[], offers?: Offer[]}} Result
 * @typedef {{collections: string[], instruction: string|null, rerank: boolean, top_k?: number|null,
 *   top_n?: number|null, assistant?: string|null}} Settings
 * @typedef {{verdict: "up"|"down", reasons: string[], text: string}} Feedback
 * @typedef {{id: string, conversation_id: string, question: string, settings: Settings, variant: number,
 *   variants: {id: string, variant: number, state: string}[], text: string, result: Result|null, code: string,
 *   state: "queued"|"running"|"complete"|"stopped"|"failed"|"interrupted", retryable: boolean, withheld: boolean,
 *   wiped: boolean, notices: Notice[], feedback: Feedback|null, assistant?: Assistant|null, parts?: Part[],
 *   offers?: Offer[]}} Message
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

/** Everything of a list that comes in pages. @param {string} path @returns {Promise<any[]>} */
export async function everything(path) {
  const all = [];
  for (let cursor = ""; ;) {
    const page = await getJson(`${path}${path.includes("?") ? "&" : "?"}limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...page.data);
    if (!page.next_cursor) return all;
    cursor = page.next_cursor;
  }
}

/**
 * Change something. Gives the JSON of the answer, null where it has none.
 * @param {string} method @param {string} path @param {unknown} [body] @param {string} [key] of a request that is sent
 *   again because its answer may have been lost: its work is done once @returns {Promise<any>}
 */
export async function act(method, path, body, key = "") {
  const headers = { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...(key ? { "Idempotency-Key": key } : {}) };
  const response = await request(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
}

/** 128 random bits; `randomUUID` is missing on plain-HTTP addresses. */
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * The events of one stream, in order (WHATWG HTML, "interpreting an event stream").
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{name: string, data: any, id: string}>}
 */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let name = "message";
  let id = "";
  /** @type {string[]} */ let data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { name, data: JSON.parse(data.join("\n")), id };
        name = "message";
        data = [];
      } else if (!line.startsWith(":")) {
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "event") name = text;
        else if (field === "data") data.push(text);
        else if (field === "id") id = text;
      }
    }
  }
}

const TRIES = 12; // to reach the server again, at most 5 s apart: a restart takes less than that

/**
 * The events of one answer, from its first to `done`, each once; after a lost connection it goes on behind the last
 * event that came. Aborting the signal only looks away: the answer goes on.
 * @param {string} message @param {AbortSignal} signal
 * @param {Record<string, (data: any) => void>} handlers by event name; unknown events are passed over
 * @param {(away: boolean) => void} lost told when the connection is lost, and when it is there again
 */
export async function follow(message, signal, handlers, lost) {
  let after = 0;
  let handling = false; // what fails then is a fault of the page, not of the connection
  for (let tries = 0; ;) {
    try {
      const response = await request(`/api/messages/${encodeURIComponent(message)}/events`,
        { signal, headers: { Accept: "text/event-stream", "Last-Event-ID": String(after) } });
      if (tries) lost(false);
      for await (const { name, data, id } of events(/** @type {ReadableStream<Uint8Array>} */ (response.body))) {
        if (name === "error") throw new Problem(data.code, data.detail, data.retryable);
        if (Number(id) <= after) continue;
        after = Number(id);
        tries = 0;
        handling = true;
        handlers[name]?.(data);
        handling = false;
        if (name === "done") return;
      }
    } catch (error) {
      if (handling || signal.aborted || (error instanceof Problem && !error.retryable)) throw error;
    }
    tries += 1;
    if (tries > TRIES) throw new Problem("network", "", true);
    lost(true);
    await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** tries, 5000)));
    if (signal.aborted) throw new DOMException("looked away", "AbortError");
  }
}
