// @ts-check
/** Files made in the page: CSV that a spreadsheet opens safely, JSON, and a command line. */

/** What a spreadsheet would run (OWASP, "CSV injection"), full-width forms included; as in app/spreadsheet.py. */
const FORMULA = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** One cell by RFC 4180, behind an apostrophe where it would run. @param {string|number} value */
function cell(value) {
  const text = typeof value === "string" && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** CSV with a byte order mark, as Excel wants it. Numbers stay numbers. @param {(string|number)[][]} rows */
export const csv = (rows) => `\ufeff${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;

/** Offer a text as a file. @param {string} name @param {string} type @param {string} text */
export function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000); // after the browser has taken it
}

/** A word of a POSIX shell. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A command that posts JSON; with `key`, it takes an API key of the environment. @param {string} address @param {unknown} body @param {boolean} key */
export const curl = (address, body, key) =>
  [`curl -s ${quoted(address)}`, "-H 'Content-Type: application/json'",
    ...(key ? ["-H \"Authorization: Bearer $TOUCHSTONE_API_KEY\""] : []),
    `-d ${quoted(JSON.stringify(body, null, 1))}`].join(" \\\n  ");
