// @ts-check
/** Files on their way to the server: at most three at once, each with its progress, until the server has a job. */
import { ask, below, button, choice, field, problemOf, size } from "./calls.js";
import { $, h, t } from "./dom.js";

/**
 * @typedef {{name: string, sha256: string}} Known a document that the knowledge base holds
 * @typedef {{file: File, name: string, collection: string, batch: string, duplicates: string, state: string,
 *   sent: number, message: string, tries: number, request: XMLHttpRequest|null}} Upload
 */

const PARALLEL = 3;
const MOST_TRIES = 30; // while the server says that it is busy
const WAIT_S = 2;
const HASHED_BYTES = 200e6; // of one file: the browser reads it into memory for that

/** @type {Upload[]} */ let uploads = [];
/** @type {(job: any) => void} */ let taken = () => {};

/** Where a finished upload's job goes. @param {(job: any) => void} handler */
export const onTaken = (handler) => { taken = handler; };

/** Names that no reader means when he drops a folder. @param {string} name */
const hidden = (name) => name.split("/").some((part) => part.startsWith(".") || part === "Thumbs.db" || part === "desktop.ini");

/**
 * The files behind what was dropped, folders read to the bottom, under their paths.
 * @param {DataTransfer} dropped @returns {Promise<{file: File, name: string}[]>}
 */
export async function dropped(dropped) {
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  if (!entries.length) return [...dropped.files].map((file) => ({ file, name: file.name }));
  /** @type {{file: File, name: string}[]} */ const found = [];
  const read = async (/** @type {any} */ entry, /** @type {string} */ path) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
      found.push({ file, name: path + entry.name });
      return;
    }
    const reader = entry.createReader();
    for (;;) { // a reader gives a hundred entries at a time
      const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
      if (!some.length) return;
      for (const one of some) await read(one, `${path}${entry.name}/`);
    }
  };
  for (const entry of entries) await read(entry, "");
  return found;
}

/** The files of an input, under their paths where a folder was chosen. @param {HTMLInputElement} input */
export const picked = (input) => [...(input.files ?? [])].map((file) => ({ file, name: file.webkitRelativePath || file.name }));

/** SHA-256 of a file in hex, "" where the browser computes none (plain HTTP beyond this machine). @param {File} file */
async function digest(file) {
  if (!globalThis.crypto?.subtle || file.size > HASHED_BYTES) return "";
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Send files to a knowledge base. What it holds already under another name is asked about before.
 * @param {{file: File, name: string}[]} files @param {string} collection @param {Known[]} known
 * @returns {Promise<string[]>} what was left out, in words
 */
export async function upload(files, collection, known) {
  const left = files.filter((each) => hidden(each.name)).map((each) => each.name);
  const wanted = files.filter((each) => !hidden(each.name));
  /** @type {Map<string, string[]>} */ const held = new Map();
  for (const each of known) held.set(each.sha256, [...(held.get(each.sha256) ?? []), each.name]);
  $("reading-files").textContent = wanted.length ? t("upload.reading", { count: wanted.length }) : "";
  const copies = [];
  for (const each of wanted) {
    const names = held.get(await digest(each.file)) ?? [];
    if (names.length && !names.includes(each.name)) copies.push({ ...each, as: names[0] });
  }
  $("reading-files").textContent = "";
  let duplicates = "keep";
  if (copies.length) {
    const chosen = await duplicatesWanted(copies);
    if (!chosen) return [];
    duplicates = chosen;
  }
  const batch = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");
  const again = new Set(copies.map((each) => each.name));
  const skipped = duplicates === "skip" ? again : new Set();
  for (const each of wanted.filter((one) => !skipped.has(one.name))) {
    const how = again.has(each.name) ? duplicates : "keep";
    uploads.push({ ...each, collection, batch, duplicates: how, state: "waiting", sent: 0, message: "", tries: 0, request: null });
  }
  next();
  return [left.length ? t("upload.left_out", { names: left.join(", ") }) : "",
    skipped.size ? t("upload.skipped", { count: skipped.size }) : ""].filter(Boolean);
}

/** @param {{name: string, as: string}[]} copies @returns {Promise<string>} skip, replace, keep, or "" to send nothing */
async function duplicatesWanted(copies) {
  const how = choice(["skip", "replace", "keep"].map((each) => [each, t(`duplicates.${each}`)]), "skip");
  const list = h("ul", { class: "plain-list" }, ...copies.map((each) => h("li", {}, t("duplicates.pair", { name: each.name, as: each.as }))));
  const go = await ask({ title: t("duplicates.title", { count: copies.length }), text: t("duplicates.about"),
    act: t("duplicates.go"), parts: [list, field(t("duplicates.how"), how)] });
  return go ? how.value : "";
}

function next() {
  const sending = uploads.filter((each) => each.state === "sending").length;
  for (const each of uploads.filter((one) => one.state === "waiting").slice(0, PARALLEL - sending)) begin(each);
  draw();
}

/** @param {Upload} one */
function begin(one) {
  one.state = "sending";
  one.sent = 0;
  const request = one.request = new XMLHttpRequest(); // fetch tells no progress of what is sent
  const query = new URLSearchParams({ name: one.name, duplicates: one.duplicates, batch: one.batch });
  request.open("POST", below(one.collection, `/documents?${query}`));
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.upload.onprogress = (event) => {
    one.sent = event.loaded;
    draw();
  };
  request.onload = () => {
    if (request.status === 202) {
      uploads = uploads.filter((each) => each !== one);
      taken(JSON.parse(request.responseText));
    } else if ((request.status === 429 || request.status === 503) && one.tries < MOST_TRIES) {
      one.tries += 1;
      one.state = "held";
      const wait = Number(request.getResponseHeader("Retry-After")) || WAIT_S;
      setTimeout(() => { if (one.state === "held") { one.state = "waiting"; next(); } }, 1000 * wait);
    } else {
      if (request.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      one.state = "refused";
      one.message = problemOf(request.status, request.responseText).message;
    }
    next();
  };
  request.onerror = () => {
    // Nobody knows whether it arrived. Sending the same bytes under the same name again changes nothing.
    one.state = "refused";
    one.message = t("upload.unconfirmed");
    next();
  };
  request.send(one.file);
}

/** @param {Upload} one */
function drop(one) {
  uploads = uploads.filter((each) => each !== one);
  one.state = "dropped";
  one.request?.abort();
  next();
}

/** @param {Upload} one */
function again(one) {
  Object.assign(one, { state: "waiting", message: "", tries: 0 });
  next();
}

/** @type {Map<Upload, {row: HTMLElement, bar: HTMLProgressElement, line: HTMLElement, state: string}>} */
const rows = new Map();

function draw() {
  const list = $("uploads");
  for (const [one, { row }] of rows) {
    if (!uploads.includes(one)) {
      row.remove();
      rows.delete(one);
    }
  }
  for (const one of uploads) {
    let found = rows.get(one);
    if (found?.state !== one.state) {
      const bar = /** @type {HTMLProgressElement} */ (h("progress", { max: 1, "aria-label": t("upload.progress", { name: one.name }) }));
      const line = h("p", { class: "quiet" });
      const refused = one.state === "refused";
      const row = h("li", { class: refused ? "job failed" : "job" },
        h("div", { class: "job-main" }, h("p", { class: "row-name" }, one.name), line, !refused && bar),
        h("div", { class: "row-actions" },
          refused && button(t("job.retry"), () => again(one), { class: "button", "aria-label": t("job.retry_label", { name: one.name }) }),
          button(t(refused ? "job.dismiss" : "job.cancel"), () => drop(one),
            { class: "button", "aria-label": t(refused ? "job.dismiss_label" : "job.cancel_label", { name: one.name }) })));
      if (found) found.row.replaceWith(row);
      else list.append(row);
      found = { row, bar, line, state: one.state };
      rows.set(one, found);
    }
    found.bar.value = one.file.size ? one.sent / one.file.size : 0;
    found.line.textContent = one.state === "refused" ? one.message : one.state === "sending"
      ? t("upload.sending", { sent: size(one.sent), size: size(one.file.size) }) : t(`upload.${one.state}`, { size: size(one.file.size) });
  }
  document.dispatchEvent(new Event("uploads"));
}

/** How many files are still on their way or were refused. */
export const pending = () => uploads.length;

// Only what has not arrived is lost with the page, and only that is asked about.
addEventListener("beforeunload", (event) => {
  if (uploads.some((each) => each.state !== "refused")) event.preventDefault();
});
