// @ts-check
/** Golden sets and their cases: make, fill, check, take along. */
import { api } from "./api.js";
import { attempt, button, say, sure, table } from "./asking.js";
import { editCase } from "./case_editor.js";
import { $, h, t } from "./dom.js";

/**
 * @typedef {{id: string, name: string, collection: string, accepted: number, drafts: number}} GoldenSet
 * @typedef {{id: string, question: string, answerable: boolean, evidence: {document: string, quote: string, pages: number[]}[],
 *   answers: string[], kind: string, state: string, source: string, note: string}} Case
 */

const DRAFTS = 10;
/** @type {(sets: GoldenSet[]) => void} */ let onSets = () => {};
/** @type {string} */ let open = "";

/** @param {string} path @returns {Promise<any[]>} everything of a list that comes in pages */
export async function everything(path) {
  const all = [];
  for (let cursor = ""; ;) {
    const page = await api(`${path}${path.includes("?") ? "&" : "?"}limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...page.data);
    if (!page.next_cursor) return all;
    cursor = page.next_cursor;
  }
}

const address = (/** @type {string} */ id, rest = "") => `/api/golden/${encodeURIComponent(id)}${rest}`;

/** @param {(sets: GoldenSet[]) => void} told */
export function watchSets(told) {
  onSets = told;
  const form = /** @type {HTMLFormElement} */ ($("set-form"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await attempt(async () => {
      const made = await api("/api/golden", { method: "POST", body: {
        collection: /** @type {HTMLSelectElement} */ ($("set-collection")).value,
        name: /** @type {HTMLInputElement} */ ($("set-name")).value } });
      form.reset();
      say(t("made", { name: made.name }));
      await showCases(made.id);
      await loadSets();
    });
  });
}

export async function loadSets() {
  /** @type {GoldenSet[]} */ const sets = await everything("/api/golden");
  $("sets").replaceChildren(sets.length === 0 ? h("p", { class: "empty-note" }, t("no_sets")) : table(t("sets_caption"),
    ["set", "collection", "accepted", "drafts", "actions"].map((key) => t(`column.${key}`)),
    sets.map((one) => [one.name, one.collection, String(one.accepted), String(one.drafts), h("div", { class: "row-actions" },
      button(t("open"), () => showCases(one.id), t("open_of", { name: one.name })),
      h("a", { class: "button small", href: address(one.id, "/export"), download: "" }, t("export")),
      importer(one),
      button(t("draft", { count: DRAFTS }), async () => {
        say(t("drafting"));
        const made = await api(address(one.id, "/drafts"), { method: "POST", body: { count: DRAFTS } });
        say(t("drafted", { count: made.data.length }));
        await showCases(one.id);
        await loadSets();
      }),
      button(t("delete"), async () => {
        if (!await sure(t("sure_set", { name: one.name, count: one.accepted + one.drafts }), t("delete"))) return;
        await api(address(one.id), { method: "DELETE" });
        if (open === one.id) $("cases").replaceChildren();
        say(t("deleted", { name: one.name }));
        await loadSets();
      }, t("delete_of", { name: one.name })))])));
  onSets(sets);
}

/** @param {GoldenSet} set */
function importer(set) {
  const file = /** @type {HTMLInputElement} */ (h("input", { type: "file", accept: ".csv,text/csv", class: "visually-hidden",
    "aria-label": t("import_of", { name: set.name }), onchange: () => attempt(async () => {
      const chosen = file.files?.[0];
      if (!chosen) return;
      const added = await api(`${address(set.id, "/import")}?name=${encodeURIComponent(chosen.name)}`,
        { method: "POST", raw: chosen });
      say(t("imported", { accepted: added.accepted, drafts: added.drafts }));
      file.value = "";
      await showCases(set.id);
      await loadSets();
    }) }));
  return h("label", { class: "button small file-button" }, file, t("import"));
}

/** @param {string} id */
async function showCases(id) {
  open = id;
  const set = await api(address(id));
  /** @type {Case[]} */ const cases = await everything(address(id, "/cases"));
  const drafts = cases.filter((one) => one.state === "draft");
  $("cases").replaceChildren(
    h("div", { class: "heading" }, h("h3", {}, t("cases_of", { name: set.name })),
      drafts.length > 0 && button(t("accept_all", { count: drafts.length }), () => accept(id, drafts))),
    cases.length === 0 ? h("p", { class: "empty-note" }, t("no_cases")) : table(t("cases_caption", { count: cases.length }),
      ["question", "state", "evidence", "actions"].map((key) => t(`column.${key}`)),
      [...drafts, ...cases.filter((one) => one.state !== "draft")].map((one) => [one.question,
        h("div", {}, h("span", { class: one.state === "draft" ? "flag" : "flag gold" }, t(`state.${one.state}`)),
          one.note && h("p", { class: "quiet" }, one.note)),
        one.answerable ? h("ul", {}, ...one.evidence.map((each) => h("li", {}, each.document,
          each.quote && h("span", { class: "quiet block quote" }, each.quote)))) : t("unanswerable"),
        h("div", { class: "row-actions" },
          one.state === "draft" && button(t("accept"), () => accept(id, [one]), t("accept_of", { question: one.question })),
          button(t("edit"), async () => editCase(address(id, `/cases/${encodeURIComponent(one.id)}`), async () => {
            await showCases(id);
            await loadSets();
          }), t("edit_of", { question: one.question })),
          button(t("delete"), async () => {
            if (!await sure(t("sure_case", { question: one.question }), t("delete"))) return;
            await api(address(id, `/cases/${encodeURIComponent(one.id)}`), { method: "DELETE" });
            say(t("case_deleted"));
            await showCases(id);
            await loadSets();
          }, t("delete_of", { name: one.question })))])));
}

/** @param {string} id @param {Case[]} cases */
async function accept(id, cases) {
  await api(address(id, "/accept"), { method: "POST", body: { cases: cases.map((one) => one.id) } });
  say(t("accepted", { count: cases.length }));
  await showCases(id);
  await loadSets();
}
