// @ts-check
/** Sheets about one document: its chunks with their positions, how it would be cut, its versions. */
import { attempt, below, button, call, everything, field, say, sheet, size, time } from "./calls.js";
import { h, has, pagesText, t } from "./dom.js";

const LISTED = 200; // chunks of a preview that are drawn at once

/** Every reason in words. @param {string[]} reasons */
export const reasonsText = (reasons) => reasons.map((each) => (has(`reason.${each}`) ? t(`reason.${each}`) : each)).join(t("list_separator"));

/** Where a chunk stands on its pages: each page as a small sheet. @param {any[]} boxes */
function places(boxes) {
  const space = "http://www.w3.org/2000/svg";
  return h("span", { class: "places", "aria-hidden": "true" }, ...[...new Set(boxes.map((box) => box.page))].slice(0, 4).map((page) => {
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", "0 0 70 100");
    svg.setAttribute("class", "place");
    const rectangle = (/** @type {string} */ name, /** @type {number[]} */ [x, y, width, height]) => {
      const made = svg.appendChild(document.createElementNS(space, "rect"));
      for (const [key, value] of Object.entries({ class: name, x, y, width, height })) made.setAttribute(key, String(value));
    };
    rectangle("place-page", [0.5, 0.5, 69, 99]);
    for (const box of boxes.filter((each) => each.page === page)) {
      rectangle("place-box", [70 * box.left, 100 * box.top, Math.max(1, 70 * (box.right - box.left)), Math.max(1, 100 * (box.bottom - box.top))]);
    }
    return svg;
  }));
}

/** How much was read. @param {any} found */
const readText = ({ pages, characters }) => (pages ? t("preview.read", { count: pages, characters }) : t("preview.read_text", { characters }));

/** @param {any} chunk */
function chunkOf(chunk) {
  const facts = [pagesText(chunk.pages), t("chunk.characters", { start: chunk.start, end: chunk.end }), t("chunk.tokens", { count: chunk.tokens })];
  return h("li", { class: "chunk" },
    h("div", { class: "chunk-head" }, h("h3", {}, t("chunk.number", { number: chunk.ordinal + 1 })),
      h("p", { class: "quiet" }, facts.filter(Boolean).join(" · "))),
    chunk.headings.length ? h("p", { class: "quiet chunk-path" }, chunk.headings.join(" › ")) : null,
    chunk.suspicious?.length ? h("p", { class: "warning" }, t("chunk.suspicious", { reasons: reasonsText(chunk.suspicious) })) : null,
    h("div", { class: "chunk-body" },
      h("div", { class: "chunk-text" }, chunk.lead && h("p", { class: "quiet" }, chunk.lead), h("p", {}, chunk.text)),
      chunk.boxes.length ? places(chunk.boxes) : null));
}

/**
 * The chunks of a document as searches find them.
 * @param {string} collection @param {string} name
 * @param {{writes: boolean, sentence: (notice: any) => string}} how `writes`: whether he may see how it is read
 */
export async function showChunks(collection, name, { writes, sentence }) {
  const { body, dialog } = sheet(name, { wide: true });
  const facts = h("p", { class: "quiet" }, t("loading"));
  const list = h("ol", { class: "chunks" });
  const checked = h("div", { "aria-live": "polite" });
  const more = button(t("more"), () => load(), { class: "button", hidden: true });
  const why = writes && button(t("chunk.why_empty"), async () => {
    const found = await attempt(() => call("GET", `${below(collection, "/documents/preview")}?${new URLSearchParams({ name })}`));
    if (!found) return dialog.close();
    checked.replaceChildren(h("section", { class: "reading" }, h("h3", {}, t("chunk.reading")),
      h("p", {}, readText(found)),
      found.notices.length ? h("ul", {}, ...found.notices.map((/** @type {any} */ each) => h("li", {}, sentence(each)))) : h("p", {}, t("chunk.nothing_lost"))));
  }, { class: "button" });
  const content = `${below(collection, "/documents/content")}?${new URLSearchParams({ name })}`;
  body.append(facts, h("div", { class: "row-actions start" }, why, h("a", { class: "button", href: content, download: true }, t("download"))), checked, list, more);
  let cursor = "";
  const load = async () => {
    const page = await attempt(() => call("GET", `${below(collection, "/documents/chunks")}?${new URLSearchParams({ name, ...(cursor && { cursor }) })}`));
    if (!page) return dialog.close();
    facts.textContent = t("chunk.facts", { title: page.title || name, version: page.version });
    list.append(...page.data.map(chunkOf));
    cursor = page.next_cursor ?? "";
    more.hidden = !cursor;
    if (!list.children.length) list.replaceWith(h("p", { class: "empty-note" }, t("chunk.none")));
  };
  await load();
}

/**
 * How a file, or a stored document, would be cut with another size; nothing is kept.
 * @param {{collection: string, file?: File, name: string, sentence: (notice: any) => string, send?: () => void}} of
 *   `send`: uploads the file, for one that is not stored yet
 */
export async function showPreview({ collection, file, name, sentence, send }) {
  const { body, dialog } = sheet(t("preview.title", { name }), { wide: true });
  const chunking = await attempt(() => call("GET", below(collection, "/chunking")));
  if (!chunking) return dialog.close();
  const number = (/** @type {number} */ value, /** @type {number} */ min) => /** @type {HTMLInputElement} */ (
    h("input", { type: "number", min, max: 8192, step: 1, value, required: true, inputmode: "numeric" }));
  const tokens = number(chunking.chunk_tokens, 16);
  const overlap = number(chunking.chunk_overlap, 0);
  const password = /** @type {HTMLInputElement} */ (h("input", { type: "password", autocomplete: "off" }));
  const secret = field(t("job.password"), password);
  secret.hidden = true;
  const result = h("div", { class: "preview-result", role: "status" });
  const list = h("ol", { class: "chunks" });
  const form = h("form", { class: "preview-form", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    cut();
  } }, field(t("settings.tokens"), tokens), field(t("settings.overlap"), overlap), secret,
  h("button", { class: "button" }, t("preview.go")), send && button(t("preview.send"), () => {
    dialog.close();
    send();
  }, { class: "main-button" }));
  const cut = async () => {
    result.replaceChildren(h("p", { class: "quiet" }, t("preview.cutting")));
    list.replaceChildren();
    const query = new URLSearchParams({ name, chunk_tokens: tokens.value, chunk_overlap: overlap.value });
    const headers = password.value ? { "Document-Password": encodeURIComponent(password.value) } : {};
    try {
      const found = file ? await call("POST", `/api/preview?${query}`, { raw: file, headers })
        : await call("GET", `${below(collection, "/documents/preview")}?${query}`, { headers });
      show(found);
    } catch (error) {
      const { code, message } = /** @type {import("./stream.js").Problem} */ (error);
      if (code === undefined) throw error;
      secret.hidden = code !== "encrypted";
      result.replaceChildren(h("p", { class: "form-error" }, has(`failed.${code}`) ? t(`failed.${code}`) : message));
    }
  };
  const show = (/** @type {any} */ found) => {
    const { summary } = found;
    result.replaceChildren(h("div", {}, h("p", {}, readText(found)),
      h("p", { class: "preview-sum" }, t("preview.summary", { count: summary.chunks, min: summary.tokens_min, median: summary.tokens_median, max: summary.tokens_max })),
      found.estimated && h("p", { class: "quiet" }, t("preview.estimated")),
      found.notices.length ? h("ul", { class: "notes" }, ...found.notices.map((/** @type {any} */ each) => h("li", {}, sentence(each)))) : null,
      found.chunks.length > LISTED ? h("p", { class: "quiet" }, t("preview.first", { count: LISTED })) : null));
    list.replaceChildren(...found.chunks.slice(0, LISTED).map(chunkOf));
  };
  body.append(form, result, list);
  await cut();
}

/** Your kept answers that quote a document, those first whose quotes no longer stand. @param {string} id of the document */
async function quotedBy(id) {
  const found = await attempt(() => everything(`/api/answers?${new URLSearchParams({ document_id: id })}`));
  if (!found) return null;
  const stale = found.filter((one) => one.citations.some((/** @type {any} */ each) => each.document_id === id && each.state === "stale"));
  return h("section", {}, h("h3", {}, t("versions.answers")),
    h("p", { class: "quiet" }, found.length === 0 ? t("versions.answers_none")
      : stale.length === 0 ? t("versions.answers_stand", { count: found.length }) : t("versions.answers_stale", { count: stale.length, total: found.length })),
    stale.length > 0 && h("ul", { class: "rows" }, ...stale.map((one) => h("li", {},
      h("div", {}, h("p", { class: "row-name" }, h("a", { href: `/search?${new URLSearchParams({ answer: one.id })}` }, one.question)),
        h("p", { class: "quiet" }, time(one.asked_at)),
        ...one.citations.filter((/** @type {any} */ each) => each.document_id === id && each.state === "stale").map((/** @type {any} */ each) =>
          h("p", { class: "quiet" }, h("span", { class: "flag bad" }, t(`versions.reason.${each.reason}`)), " ",
            each.quote && t("versions.quoted", { version: each.version, quote: each.quote }))))))));
}

/**
 * The versions of a document, with the way back to an old one.
 * @param {string} collection @param {{id: string, name: string}} document @param {() => void} changed
 */
export async function showVersions(collection, { id, name }, changed) {
  const { body, dialog } = sheet(t("versions.title", { name }));
  const found = await attempt(() => call("GET", `${below(collection, "/versions")}?${new URLSearchParams({ name })}`));
  if (!found) return dialog.close();
  const back = (/** @type {number} */ version) => attempt(async () => {
    const shown = await call("POST", `${below(collection, "/rollback")}?${new URLSearchParams({ name, version: String(version) })}`);
    dialog.close();
    say(t("versions.back", { name, version, now: shown.version }));
    changed();
  });
  body.append(h("p", { class: "quiet" }, t("versions.about")), h("ul", { class: "rows" }, ...found.data.map((/** @type {any} */ each) => h("li", {},
    h("div", {}, h("p", { class: "row-name" }, t("versions.number", { number: each.version }), " ", each.shown && h("span", { class: "flag gold" }, t("versions.shown"))),
      h("p", { class: "quiet" }, time(each.created_at), ` · ${t("chunks_n", { count: each.chunks })} · ${size(each.size_bytes)}`),
      !each.shown && h("p", { class: "quiet" }, t("versions.difference", { changed: each.changed, added: each.added, removed: each.removed })),
      each.kept_until && h("p", { class: "quiet" }, t("versions.until"), " ", time(each.kept_until))),
    h("div", { class: "row-actions" },
      h("a", { class: "button", download: true, "aria-label": t("versions.download", { number: each.version }),
        href: `${below(collection, "/documents/content")}?${new URLSearchParams({ name, version: String(each.version) })}` }, t("download")),
      !each.shown && button(t("versions.restore"), () => back(each.version), { class: "button",
        "aria-label": t("versions.restore_label", { number: each.version }) }))))));
  const answers = await quotedBy(id);
  if (answers) body.append(answers);
}
