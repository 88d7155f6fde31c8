// @ts-check
/** The documents page: which knowledge base, which part of it, and files that are handed in. */
import { ask, attempt, below, call, field, say, tabs } from "./calls.js";
import { showPreview } from "./chunk_viewer.js";
import { showSettings } from "./collection_settings.js";
import { documentsNow, onDocuments, showDocuments } from "./document_list.js";
import { showDuplicates, showSuspicious, showTrash } from "./document_reports.js";
import { $, h, has, t } from "./dom.js";
import { addJob, clearEnded, count, onJobs, watchJobs } from "./jobs.js";
import { dropped, onTaken, pending, picked, upload } from "./uploads.js";

/** @type {{accept: string, makes: boolean, notices: Record<string, string>}} */
const given = JSON.parse($("documents-data").textContent || "");
const chooser = /** @type {HTMLSelectElement} */ ($("collection"));
const LEVELS = ["read", "write", "manage"];

/** @type {any[]} */ let collections = [];
/** @type {Record<string, string>} */ let levels = {};
/** @type {any} */ let chunking = null;
let tab = "";
let counting = 0;

const name = () => chooser.value;
const may = (/** @type {string} */ level) => LEVELS.indexOf(levels[name()] ?? "") >= LEVELS.indexOf(level);

/** What a notice of ingestion says. @param {{code: string, values: Record<string, string>}} notice */
function sentence({ code, values }) {
  const text = has(`notice.${code}`) ? t(`notice.${code}`, values) : given.notices[code];
  return text === undefined ? `${code}: ${Object.values(values).join(", ")}` : text.replace(/\{(\w+)\}/g, (_, blank) => values[blank] ?? "");
}

// --- the knowledge base -----------------------------------------------------------------------------------------

/** @param {string} [wanted] */
async function loadCollections(wanted = new URLSearchParams(location.search).get("collection") ?? "") {
  const found = await attempt(() => Promise.all([call("GET", "/api/collections"), call("GET", "/api/session")]));
  if (!found) return;
  collections = found[0].data;
  levels = Object.fromEntries(found[1].collections.map((/** @type {any} */ each) => [each.name, each.level]));
  chooser.replaceChildren(...collections.map((each) => h("option", { value: each.name }, each.name)));
  chooser.value = wanted;
  if (chooser.selectedIndex < 0) chooser.selectedIndex = 0;
  $("no-collections").hidden = collections.length > 0;
  $("collection-part").hidden = collections.length === 0;
  $("picker").hidden = collections.length === 0;
  if (collections.length) await open();
}

async function open() {
  const one = name();
  const address = new URL(location.href);
  address.searchParams.set("collection", one);
  history.replaceState(null, "", address);
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".languages a"))) {
    const there = new URL(link.href);
    there.searchParams.set("collection", one);
    link.href = there.href;
  }
  for (const [id, level] of [["tab-trash", "write"], ["tab-checks", "write"], ["tab-settings", "manage"]]) $(id).hidden = !may(level);
  $("tabs").hidden = !may("write");
  $("hand-in").hidden = !may("write");
  $("bulk-part").hidden = !may("write");
  $("read-only").hidden = may("write");
  $("duplicates-body").replaceChildren();
  facts();
  await sizes();
  if (one !== name()) return;
  choose(location.hash.slice(1));
  if (may("write")) await watchJobs(one);
}

/** What the size of chunks is, so that rows can say which were cut otherwise. */
async function sizes() {
  chunking = await attempt(() => call("GET", below(name(), "/chunking"))) ?? null;
}

function facts() {
  const one = collections.find((each) => each.name === name());
  $("facts").textContent = one ? [t("documents_n", { count: one.documents }), t("chunks_n", { count: one.chunks })].join(" · ") : "";
}

/** Counts of the knowledge bases, once for many changes. */
function recount() {
  counting ||= window.setTimeout(async () => {
    counting = 0;
    const found = await attempt(() => call("GET", "/api/collections"));
    if (!found) return;
    collections = found.data;
    facts();
  }, 400);
}

const list = () => showDocuments({ collection: name(), writes: may("write"), manages: may("manage"),
  size: chunking && { tokens: chunking.chunk_tokens, overlap: chunking.chunk_overlap } });

async function reload() {
  await sizes();
  await list();
  recount();
}

const choose = tabs($("tabs"), (chosen) => {
  tab = chosen;
  const collection = name();
  if (tab === "documents") list();
  if (tab === "trash") showTrash({ collection, manages: may("manage"), changed: recount });
  if (tab === "checks") showSuspicious(collection, sentence);
  if (tab === "settings") showSettings({ collection, sentence, changed: reload, gone });
});

/** Another knowledge base than the one that was deleted, and not at its button for that. */
function gone() {
  history.replaceState(null, "", "#documents");
  return loadCollections("");
}

chooser.addEventListener("change", open);
$("find-duplicates").addEventListener("click", () => showDuplicates(name(), sentence));

for (const id of ["new-collection", "first-collection"]) {
  $(id).addEventListener("click", async () => {
    const typed = /** @type {HTMLInputElement} */ (h("input", { type: "text", required: true, maxlength: 100, autocomplete: "off" }));
    const there = () => collections.some((each) => each.name === typed.value);
    let made;
    await ask({ title: t("create.title"), act: t("create.go"), parts: [field(t("create.name"), typed, t("create.hint"))],
      send: async () => { made = await call("POST", "/api/collections", { body: { name: typed.value } }); } });
    if (!made) return;
    const said = t(there() ? "create.there" : "create.done", { name: made.name });
    await loadCollections(made.name);
    say(said);
  });
}

// --- files ------------------------------------------------------------------------------------------------------

/** @param {{file: File, name: string}[]} files */
async function hand(files) {
  if (!files.length) return;
  const left = await upload(files, name(), documentsNow());
  if (left.length) say(left.join(" "));
}

const files = /** @type {HTMLInputElement} */ ($("files"));
const folder = /** @type {HTMLInputElement} */ ($("folder"));
const zone = $("drop-zone");
files.accept = given.accept;
$("pick-files").addEventListener("click", () => files.click());
$("pick-folder").addEventListener("click", () => folder.click());
for (const input of [files, folder]) {
  input.addEventListener("change", async () => {
    const chosen = picked(input);
    input.value = ""; // the same file may be chosen again
    await hand(chosen);
  });
}
let over = 0;
for (const [kind, step] of /** @type {[string, number][]} */ ([["dragenter", 1], ["dragleave", -1]])) {
  document.addEventListener(kind, () => {
    over = Math.max(0, over + step);
    zone.classList.toggle("over", over > 0);
  });
}
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", async (event) => { // anywhere: a file beside the zone must not replace the page
  event.preventDefault();
  over = 0;
  zone.classList.remove("over");
  if (!/** @type {DragEvent} */ (event).dataTransfer || !may("write") || !name()) return;
  await hand(await dropped(/** @type {DataTransfer} */ (/** @type {DragEvent} */ (event).dataTransfer)));
});

/** Let somebody choose one file. @param {(file: File) => void} chosen */
function pickOne(chosen) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "file", accept: given.accept }));
  input.addEventListener("change", () => { if (input.files?.[0]) chosen(input.files[0]); });
  input.click();
}

$("preview-file").addEventListener("click", () => pickOne((file) => showPreview({ collection: name(), file, name: file.name, sentence,
  send: () => hand([{ file, name: file.name }]) })));

onDocuments({ sentence, changed: recount, replace: (document) => pickOne((file) => hand([{ file, name: document }])),
  made: addJob });
onJobs({ sentence, published: () => { if (tab === "documents") list(); recount(); } });
onTaken(addJob);
$("jobs-clear").addEventListener("click", clearEnded);
document.addEventListener("uploads", () => { $("jobs-part").hidden = count() + pending() === 0; });
for (const id of ["new-collection", "first-collection"]) $(id).hidden = !given.makes;

const gap = new URLSearchParams(location.search).get("gap");
if (gap) {
  $("for-gap").hidden = false;
  /** @type {HTMLAnchorElement} */ ($("to-gap")).href = `/gaps?${new URLSearchParams({ gap })}`;
}

await loadCollections();
if (gap) $("pick-files").focus();
