// @ts-check
/** The conversation that is shown: which one, its turns, and the answer that is being written. */

/** @typedef {import("./answer.js").Turn} Turn */
/** @typedef {{turn: Turn, watching: AbortController, taken: boolean, stop: boolean}} Running `taken`: by the server */

export const shown = {
  talk: "", // "" before its first question
  /** @type {Turn[]} */ turns: [],
  /** @type {Running|null} */ running: null,
  place: 0, // counts what was opened: what comes late for another place is dropped
};
