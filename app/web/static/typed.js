// @ts-check
/** What somebody typed or pasted as candidates: split, told from their labels, without the labels of a prompt. */

/** @typedef {{label: string, text: string, whole: string}} Candidate `text` without its label, `whole` with it */

/** What the prompt writes itself; pasted along, it would stand there twice. */
const PROMPT_LABEL = /^\s*<(Instruct|Query|Document)>\s*[:\uff1a]\s*/i;
/** "A." "b)" "(3)" "12\u3001" "C\uff1a" before words; "1.5 V" is none. */
const LABEL = /^\s*[(\uff08]?([A-Za-z]|\d{1,3})(?:[)\uff09\u3001\uff0e:\uff1a]|\.(?!\d))\s*(?=\S)/;

/** The text without a prompt's label, and which one there was. @param {string} text @returns {[string, string]} */
export function unlabelled(text) {
  const found = PROMPT_LABEL.exec(text);
  return found ? [text.slice(found[0].length).trim(), found[1]] : [text.trim(), ""];
}

/**
 * Candidates, one a line, or in blocks with empty lines between. Labels count as such where every candidate has
 * one of its own: otherwise "C. elegans" would lose its name.
 * @param {string} typed @param {boolean} blocks @returns {{candidates: Candidate[], prompt: boolean}}
 * `prompt`: a `<Document>:` was taken off
 */
export function candidatesOf(typed, blocks) {
  const parts = typed.split(blocks ? /\r?\n[^\S\n]*\r?\n/ : /\r?\n/).map(unlabelled).filter(([text]) => text);
  const labels = parts.map(([text]) => LABEL.exec(text));
  const own = new Set(labels.map((found) => found?.[1]));
  const labelled = parts.length > 1 && own.size === parts.length && labels.every(Boolean);
  return {
    candidates: parts.map(([whole], i) => {
      const found = labelled ? labels[i] : null;
      return { label: found?.[1] ?? "", text: found ? whole.slice(found[0].length) : whole, whole };
    }),
    prompt: parts.some(([, name]) => name),
  };
}
