// @ts-check
/** The documents of a knowledge base: filter, selection, what can be done with one or with many of them. */
import { askAudience, audienceButton, audienceFlag } from "./audience.js";
import { ask, attempt, below, button, call, say } from "./calls.js";
import { showChunks, showPreview, showVersions } from "./chunk_viewer.js";
import { $, h, t } from "./dom.js";

const LISTED = 200; // rows drawn at once
const PAGE = 1000; // documents read at once
const TOGETHER = 50; // documents that one request has read again

/** @type {any[]} */ let documents = [];
/** @type {Set<string>} */ const selected = new Set();
/** @type {{collection: string, writes: boolean, manages: boolean, size: {tokens: number, overlap: number}|null}} */
let at = { collection: "", writes: false, manages: false, size: null };
let drawn = LISTED;
let round = 0; // which reading of the list is the latest
/** @type {{sentence: (notice: any) => string, changed: () => void, replace: (name: string) => void, made: (job: any) => void}} */
let does = { sentence: (notice) => notice.code, changed: () => {}, replace: () => {}, made: () => {} };

const filter = /** @type {HTMLInputElement} */ ($("filter"));
const all = /** @type {HTMLInputElement} */ ($("select-all"));

/** @param {typeof does} handlers `changed`: counts elsewhere may be wrong now. `replace`: choose a file for a name; `made`: a job was made */
export function onDocuments(handlers) {
  does = handlers;
}

/** The documents that are shown, for whoever looks for duplicates. */
export const documentsNow = () => documents;

/** Read and show the documents of a knowledge base. @param {typeof at} where */
export async function showDocuments(where) {
  const same = where.collection === at.collection;
  at = where;
  if (!same) {
    selected.clear();
    drawn = LISTED;
  }
  const reading = round += 1;
  /** @type {any[]} */ const found = [];
  for (let cursor = ""; ;) {
    const part = new URLSearchParams({ limit: String(PAGE), ...(cursor && { cursor }) });
    const page = await attempt(() => call("GET", `${below(where.collection, "/documents")}?${part}`));
    if (!page || reading !== round) return; // or another reading has begun
    found.push(...page.data);
    if (!page.next_cursor) break;
    cursor = page.next_cursor;
    if (!same) { // the first page is shown at once; a list that is read again stays until all of it is there
      documents = [...found];
      if (found.length <= PAGE) draw(true);
      else $("documents-count").textContent = t("documents_reading", { count: found.length });
    }
  }
  documents = found;
  const names = new Set(documents.map((each) => each.name));
  for (const name of selected) if (!names.has(name)) selected.delete(name);
  draw();
}

function matching() {
  const wanted = filter.value.trim().toLocaleLowerCase();
  return wanted ? documents.filter((each) => `${each.name}\n${each.title}`.toLocaleLowerCase().includes(wanted)) : documents;
}

/** @param {boolean} [more] documents are still being read */
function draw(more = false) {
  const found = matching();
  $("documents-loading").hidden = true;
  $("list-tools").hidden = documents.length === 0;
  $("documents-empty").hidden = documents.length > 0;
  $("no-match").hidden = documents.length === 0 || found.length > 0;
  $("documents").replaceChildren(...found.slice(0, drawn).map(rowOf));
  $("documents-more").hidden = found.length <= drawn;
  $("documents-count").textContent = filter.value.trim() ? t("filtered", { count: found.length, total: documents.length }) : t("documents_n", { count: documents.length });
  if (more) $("documents-count").textContent = t("documents_reading", { count: documents.length });
  selection();
}

function selection() {
  const found = matching();
  const chosen = found.filter((each) => selected.has(each.name)).length;
  all.checked = chosen > 0 && chosen === found.length;
  all.indeterminate = chosen > 0 && chosen < found.length;
  $("bulk").hidden = selected.size === 0;
  $("bulk-count").textContent = t("selected", { count: selected.size });
}

/** @param {any} one */
function rowOf(one) {
  const { collection, writes } = at;
  const { name } = one;
  const facts = [one.pages ? t("pages_n", { count: one.pages }) : "", t("chunks_n", { count: one.chunks }), one.version > 1 ? t("version_n", { version: one.version }) : ""];
  const other = writes && at.size && one.chunk_tokens !== null && (one.chunk_tokens !== at.size.tokens || one.chunk_overlap !== at.size.overlap);
  const act = (/** @type {string} */ key, /** @type {() => unknown} */ doing) => button(t(`row.${key}`), doing, { "aria-label": t(`row.${key}_label`, { name }) });
  return h("li", { "data-name": name },
    writes && h("input", { type: "checkbox", class: "tick", checked: selected.has(name), "aria-label": t("row.select", { name }),
      onchange: (/** @type {Event} */ event) => {
        if (/** @type {HTMLInputElement} */ (event.target).checked) selected.add(name);
        else selected.delete(name);
        selection();
      } }),
    h("div", { class: "row-text" },
      button(name, () => showChunks(collection, name, { writes, sentence: does.sentence }), { class: "row-open", "aria-label": t("row.open", { name }) }),
      one.title && !name.startsWith(one.title) && h("p", { class: "row-title" }, one.title),
      h("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
      h("p", { class: "row-flags" }, audienceFlag(one),
        one.suspicious ? h("span", { class: "flag bad" }, t("row.suspicious", { count: one.suspicious })) : null,
        other ? h("span", { class: "flag" }, t("row.other_size", { tokens: one.chunk_tokens })) : null)),
    writes && h("div", { class: "row-actions" },
      act("preview", () => showPreview({ collection, name, sentence: does.sentence })),
      audienceButton(name, () => askAudience(collection, [one], async () => {
        await refresh();
        const row = /** @type {HTMLElement[]} */ ([...$("documents").children]).find((each) => each.dataset.name === name);
        /** @type {HTMLElement|null|undefined} */ (row?.querySelector(".audience-button"))?.focus();
      })),
      act("versions", () => showVersions(collection, one, refresh)),
      act("replace", () => does.replace(name)),
      act("remove", () => remove([name]))));
}

async function refresh() {
  await showDocuments(at);
  does.changed();
}

/** Move documents to the trash, and offer the way back. @param {string[]} names */
async function remove(names) {
  const { collection } = at;
  const gone = [];
  await attempt(async () => {
    for (const name of names) {
      const found = await call("DELETE", `${below(collection, "/documents")}?${new URLSearchParams({ name })}`);
      selected.delete(name);
      gone.push(found);
    }
  });
  if (!gone.length) return;
  const back = gone.filter((each) => each.restorable_until).map((each) => each.name);
  if (gone.length === names.length) {
    say(gone.length === 1 ? t("removed", { name: gone[0].name }) : t("removed_n", { count: gone.length }),
      { undo: back.length ? () => restore(collection, back) : undefined });
  }
  await refresh();
  $("documents-count").focus();
}

/** Have documents read again with the present settings; each is a job whose row shows how far it is. @param {string[]} names */
async function readAgain(names) {
  const { collection } = at;
  let count = 0;
  await attempt(async () => {
    for (let from = 0; from < names.length; from += TOGETHER) {
      const made = await call("POST", below(collection, "/reindex-documents"), { body: { names: names.slice(from, from + TOGETHER) } });
      for (const job of made.data) does.made(job);
      count += made.data.length;
    }
  });
  if (count) say(t("reading_again", { count }));
  if (count === names.length) selected.clear();
  draw();
}

/** @param {string} collection @param {string[]} names */
async function restore(collection, names) {
  await attempt(async () => {
    for (const name of names) await call("POST", `${below(collection, "/trash/restore")}?${new URLSearchParams({ name })}`);
    say(names.length === 1 ? t("restored", { name: names[0] }) : t("restored_n", { count: names.length }));
  });
  await refresh();
}

filter.addEventListener("input", () => {
  drawn = LISTED;
  draw();
});
$("documents-more").addEventListener("click", () => {
  drawn += LISTED;
  draw();
});
all.addEventListener("change", () => {
  for (const each of matching()) {
    if (all.checked) selected.add(each.name);
    else selected.delete(each.name);
  }
  draw();
});
$("bulk-clear").addEventListener("click", () => {
  selected.clear();
  draw();
  all.focus();
});
$("bulk-audience").addEventListener("click", () => askAudience(at.collection, documents.filter((each) => selected.has(each.name)), refresh));
$("bulk-reindex").addEventListener("click", () => readAgain([...selected]));
$("bulk-remove").addEventListener("click", async () => {
  const names = [...selected];
  if (names.length > 1 && !await ask({ title: t("bulk.title", { count: names.length }), text: t("bulk.about"), act: t("bulk.go"), dangerous: true })) return;
  await remove(names);
});
