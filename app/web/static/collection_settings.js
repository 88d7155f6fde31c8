// @ts-check
/** The settings of a knowledge base: instruction with its versions, size of chunks, reindex, deletion. */
import { audiencePart } from "./audience.js";
import { ask, attempt, below, button, call, field, say, send, time, words } from "./calls.js";
import { late } from "./document_reports.js";
import { $, h, t } from "./dom.js";
import { events, Problem } from "./stream.js";

/** @type {AbortController|null} */ let reindexing = null;

/**
 * @param {{collection: string, sentence: (notice: any) => string, changed: () => void, gone: () => Promise<void>}} where
 *   `changed`: documents or sizes are others now. `gone`: the knowledge base was deleted
 */
export async function showSettings(where) {
  $("delete-body").replaceChildren(button(t("settings.delete"), () => remove(where), { class: "button danger" }));
  await Promise.all([showAudience(where), showInstruction(where), showSizes(where)]);
}

// Each part is drawn anew alone, so that saving one does not take what is being typed into the other.

/** @param {Parameters<typeof showSettings>[0]} where */
async function showAudience(where) {
  const view = await attempt(() => call("GET", below(where.collection)));
  if (view && !late(where.collection)) $("audience-body").replaceChildren(audiencePart(where.collection, view.audience, where.changed));
}

/** @param {Parameters<typeof showSettings>[0]} where */
async function showInstruction(where) {
  const found = await attempt(() => Promise.all([call("GET", below(where.collection)), call("GET", below(where.collection, "/instructions"))]));
  if (found && !late(where.collection)) $("instruction-body").replaceChildren(...instructionPart(where, found[0], found[1].data));
}

/** @param {Parameters<typeof showSettings>[0]} where */
async function showSizes(where) {
  const chunking = await attempt(() => call("GET", below(where.collection, "/chunking")));
  if (!chunking || late(where.collection)) return;
  $("chunking-body").replaceChildren(...chunkingPart(where, chunking));
  if (!reindexing) $("reindex-body").replaceChildren(reindexPart(where, chunking));
}

/** @param {Parameters<typeof showSettings>[0]} where @param {any} view @param {any[]} versions */
function instructionPart(where, view, versions) {
  const text = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: 3, maxlength: 2000 }, view.instruction));
  const note = /** @type {HTMLInputElement} */ (h("input", { type: "text", maxlength: 200 }));
  const put = (/** @type {() => Promise<any>} */ act) => attempt(async () => {
    const { version } = await act();
    say(t("settings.instruction_saved", { version }));
    await showInstruction(where);
  });
  const form = h("form", { class: "stack", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    put(() => call("POST", below(where.collection, "/instructions"), { body: { instruction: text.value.trim(), note: note.value.trim() } }));
  } }, field(t("settings.wording"), text, t("settings.instruction_about")), field(t("settings.note"), note),
  h("button", { class: "main-button" }, t("settings.save_instruction")));
  if (!versions.length) return [form];
  const newest = versions.length - 1;
  return [form, h("details", { class: "past" }, h("summary", {}, t("settings.wordings", { count: versions.length })), h("ul", { class: "rows" },
    ...versions.map((each, at) => h("li", {}, h("div", {},
      h("p", { class: "row-name" }, t("versions.number", { number: each.version }), " ", at === newest && h("span", { class: "flag gold" }, t("settings.in_force"))),
      h("p", {}, each.instruction || t("settings.default")), h("p", { class: "quiet" }, [each.note, ""].filter(Boolean).join(""), each.note ? " · " : "", time(each.created_at))),
    at !== newest && button(t("settings.use_again"), () => put(() => call("POST", below(where.collection, `/instructions/${each.version}/restore`))),
      { class: "button", "aria-label": t("settings.use_again_label", { number: each.version }) }))).reverse()))];
}

/** @param {Parameters<typeof showSettings>[0]} where @param {any} chunking */
function chunkingPart(where, chunking) {
  const number = (/** @type {number|null} */ value, /** @type {number} */ inForce) => /** @type {HTMLInputElement} */ (
    h("input", { type: "number", min: 0, max: 8192, step: 1, value, placeholder: inForce, inputmode: "numeric" }));
  const tokens = number(chunking.own_tokens, chunking.chunk_tokens);
  const overlap = number(chunking.own_overlap, chunking.chunk_overlap);
  const own = (/** @type {HTMLInputElement} */ input) => (input.value === "" ? null : Number(input.value));
  return [h("p", { class: "quiet" }, t("settings.in_force_size", { tokens: chunking.chunk_tokens, overlap: chunking.chunk_overlap })),
    h("form", { class: "stack", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      attempt(async () => {
        const now = await call("PUT", below(where.collection, "/chunking"), { body: { chunk_tokens: own(tokens), chunk_overlap: own(overlap) } });
        say(now.outdated.length ? t("settings.size_saved_outdated", { count: now.outdated.length }) : t("settings.size_saved"));
        where.changed();
        await showSizes(where);
      });
    } }, h("div", { class: "pair" }, field(t("settings.tokens"), tokens, t("settings.tokens_about")), field(t("settings.overlap"), overlap, t("settings.overlap_about"))),
    h("button", { class: "main-button" }, t("settings.save_size")))];
}

/** @param {Parameters<typeof showSettings>[0]} where @param {any} chunking */
function reindexPart(where, chunking) {
  const begin = button(t("settings.reindex"), () => reindex(where), { class: "button" });
  return h("div", { class: "stack" }, chunking.outdated.length ? h("p", { class: "warning" }, t("settings.outdated", { count: chunking.outdated.length })) : null,
    h("div", { class: "row-actions start" }, begin));
}

/** @param {Parameters<typeof showSettings>[0]} where */
async function reindex(where) {
  const total = (await attempt(() => call("GET", below(where.collection))))?.documents;
  if (total === undefined) return;
  const running = reindexing = new AbortController();
  const bar = /** @type {HTMLProgressElement} */ (h("progress", { max: Math.max(1, total), value: 0, "aria-label": t("settings.reindexing") }));
  const line = h("p", { class: "quiet", role: "status" }, t("settings.reindexing"));
  const failures = h("ul", { class: "notes" });
  $("reindex-body").replaceChildren(h("div", { class: "stack" }, line, bar, failures, h("div", { class: "row-actions start" },
    button(t("settings.stop"), () => running.abort(), { class: "button" })), h("p", { class: "quiet" }, t("settings.keep_open"))));
  let [done, complete] = [0, false];
  try {
    const response = await send("POST", below(where.collection, "/reindex"), { signal: running.signal });
    for await (const { name, data } of events(/** @type {ReadableStream<Uint8Array>} */ (response.body))) {
      if (name === "error") throw new Problem(data.code, data.message, data.retryable);
      if (name === "report") {
        bar.value = done += 1;
        line.textContent = t("settings.reindexed", { done, total });
        if (data.status === "failed") failures.append(h("li", {}, `${data.name}: ${data.error[1]}`));
      }
      complete ||= name === "done";
    }
    if (!complete) throw new Problem("incomplete", t("settings.reindex_lost"), true);
    say(failures.children.length ? t("settings.reindex_done_failures", { count: failures.children.length }) : t("settings.reindex_done"));
  } catch (error) {
    say(running.signal.aborted ? t("settings.reindex_stopped") : words(error instanceof Problem ? error : new Problem("network", t("settings.reindex_lost"), true)), { bad: true });
  } finally {
    reindexing = null;
  }
  where.changed();
  await showSizes(where);
}

/** @param {Parameters<typeof showSettings>[0]} where */
async function remove(where) {
  const view = await attempt(() => call("GET", below(where.collection)));
  if (!view) return;
  const typed = /** @type {HTMLInputElement} */ (h("input", { type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false" }));
  const go = await ask({ title: t("settings.delete_title", { name: view.name }), text: t("settings.delete_about", { documents: view.documents, chunks: view.chunks }),
    act: t("settings.delete_go"), dangerous: true, parts: [field(t("settings.delete_type", { name: view.name }), typed)],
    send: async () => {
      if (typed.value.normalize() !== view.name.normalize()) throw new Problem("name", t("settings.delete_wrong", { name: view.name }), true);
      await call("DELETE", below(where.collection));
    } });
  if (!go) return;
  await where.gone();
  say(t("settings.deleted", { name: view.name }));
}
addEventListener("beforeunload", (event) => { if (reindexing) event.preventDefault(); });
