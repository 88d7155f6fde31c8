// @ts-check
/**
 * A page of a PDF with the cited passage marked on it. The viewer is fetched when the first one is wanted.
 * The passage's place was stored when the document was read; the quote's is looked up in the text of the page.
 */
import { h, t } from "./dom.js";

/**
 * @typedef {{page: number, left: number, top: number, right: number, bottom: number}} Box
 *   sides as shares (0..1) of the page, from the top left
 */

const FOLDER = "./vendor/pdfjs-dist-5.6.205";
const LEAST = 0.5; // of the quote that has to be found: marking the wrong sentence is worse than marking none
const WIDEST = 2400; // pixels of a canvas
/** @type {Promise<any>|null} */ let viewer = null;
/** @type {{address: string, document: Promise<any>}|null} */ let opened = null;

/** pdf.js with a worker of our own: its way to one is a string, which Trusted Types do not let through. */
async function start() {
  const pdfjs = await import("./vendor/pdfjs-dist-5.6.205/pdf.min.mjs");
  const address = import.meta.resolve(`${FOLDER}/pdf.worker.min.mjs`);
  const policy = /** @type {any} */ (window).trustedTypes?.createPolicy("pdfworker", {
    createScriptURL: (/** @type {string} */ url) => {
      if (url !== address) throw new TypeError(`not the address of the PDF worker: ${url}`);
      return url;
    },
  });
  pdfjs.GlobalWorkerOptions.workerPort = new Worker(policy ? policy.createScriptURL(address) : address, { type: "module" });
  return pdfjs;
}

/** @param {string} address of the PDF @returns {Promise<any>} */
async function openPdf(address) {
  viewer ??= start();
  viewer.catch(() => { viewer = null; });
  const pdfjs = await viewer;
  if (opened?.address !== address) {
    opened?.document.then((old) => old.destroy(), () => {});
    const folder = new URL(`${FOLDER}/`, import.meta.url).href;
    opened = { address, document: pdfjs.getDocument({ url: address, cMapUrl: `${folder}cmaps/`, cMapPacked: true,
      standardFontDataUrl: `${folder}standard_fonts/`, wasmUrl: `${folder}wasm/`, isEvalSupported: false,
      enableXfa: false, disableAutoFetch: true, disableStream: true }).promise };
    opened.document.catch(() => { opened = null; });
  }
  return opened.document;
}

/**
 * Letters and digits alone, in their plain forms, and where each came from. Spaces, line breaks, hyphens and the
 * compatibility forms in which PDFs hold characters make no difference.
 * @param {string[]} pieces @returns {{text: string, from: number[]}} `from`: the piece of each character
 */
export function fold(pieces) {
  let text = "";
  /** @type {number[]} */ const from = [];
  pieces.forEach((piece, i) => {
    for (const letter of piece.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "")) {
      text += letter;
      for (let unit = 0; unit < letter.length; unit += 1) from.push(i);
    }
  });
  return { text, from };
}

/**
 * Which pieces hold the quote, as [first, last]; null where less than half of it is found in one stretch. A quote
 * may begin on the page before, or end on the next: its longest part that stands here counts.
 * @param {string[]} pieces @param {string} quote @returns {[number, number]|null}
 */
export function piecesOf(pieces, quote) {
  const page = fold(pieces);
  const wanted = fold([quote]).text;
  if (!wanted) return null;
  for (const [start, end] of [[0, wanted.length], [0, Math.ceil(wanted.length * LEAST)], [Math.floor(wanted.length * (1 - LEAST)), wanted.length]]) {
    let at = page.text.indexOf(wanted.slice(start, end));
    if (at < 0) continue;
    let [from, to] = [at, at + end - start];
    while (start - (at - from) > 0 && page.text[from - 1] === wanted[start - (at - from) - 1]) from -= 1;
    while (end + to - (at + end - start) < wanted.length && page.text[to] === wanted[end + to - (at + end - start)]) to += 1;
    return [page.from[from], page.from[to - 1]];
  }
  return null;
}

/** The quote's rectangles on a page. @param {any} page @param {string} quote @returns {Promise<Box[]>} */
async function quoteBoxes(page, quote) {
  const { items } = await page.getTextContent();
  const found = piecesOf(items.map((/** @type {any} */ item) => item.str ?? ""), quote);
  if (!found) return [];
  const view = page.getViewport({ scale: 1 });
  return items.slice(found[0], found[1] + 1).filter((/** @type {any} */ item) => item.str?.trim()).map((/** @type {any} */ item) => {
    const [, , c, d, x, y] = item.transform;
    const tall = Math.hypot(c, d) || item.height;
    const corners = [[x, y - tall * 0.22], [x + item.width, y + tall * 0.86]].map(([a, b]) => view.convertToViewportPoint(a, b));
    const [xs, ys] = [corners.map(([a]) => a / view.width), corners.map(([, b]) => b / view.height)];
    return { page: page.pageNumber, left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  });
}

/** @param {Box[]} boxes @param {string} name */
const marks = (boxes, name) => boxes.map((box) => {
  const mark = h("div", { class: name });
  const share = (/** @type {number} */ part) => `${(100 * part).toFixed(2)}%`;
  Object.assign(mark.style, { left: share(box.left), top: share(box.top), width: share(box.right - box.left), height: share(box.bottom - box.top) });
  return mark;
});

/**
 * The pages on which a passage stands, one at a time; the first one that holds the quote comes first.
 * @param {{address: string, pages: number[], boxes: Box[], quote: string}} source
 */
export function pdfPages({ address, pages, boxes, quote }) {
  const state = h("p", { class: "hint-note", role: "status" }, t("pdf.loading"));
  const frame = h("div", { class: "pdf-frame" });
  const title = h("h3", {}, t("pdf.title"));
  const steps = h("div", { class: "pdf-steps" });
  const element = h("section", { class: "pdf", "aria-label": t("pdf.title") }, h("header", {}, title, steps), frame, state,
    h("p", {}, h("a", { href: address, download: true }, t("pdf.download"))));
  let drawing = 0;

  /** @param {number} number @param {any} pdf */
  async function draw(number, pdf) {
    const mine = ++drawing;
    const page = await pdf.getPage(number);
    const width = Math.max(200, element.clientWidth || 360);
    const whole = page.getViewport({ scale: 1 });
    const scale = Math.min(width * devicePixelRatio, WIDEST) / whole.width;
    const viewport = page.getViewport({ scale });
    const canvas = /** @type {HTMLCanvasElement} */ (h("canvas", { role: "img", "aria-label": t("pdf.page", { page: number }),
      width: Math.floor(viewport.width), height: Math.floor(viewport.height) }));
    await page.render({ canvas, viewport }).promise;
    const exact = quote ? await quoteBoxes(page, quote) : [];
    if (mine !== drawing) return 0;
    const passage = boxes.filter((box) => box.page === number);
    frame.replaceChildren(canvas, ...marks(passage, "pdf-passage"), ...marks(exact, "pdf-quote"));
    title.textContent = t("pdf.page", { page: number });
    state.textContent = t(exact.length ? "pdf.marked_quote" : passage.length ? "pdf.marked_passage" : "pdf.not_marked");
    steps.replaceChildren(wider(() => draw(number, pdf).catch(failed)), step("pdf.before", number - 1, number > 1, pdf), step("pdf.after", number + 1, number < pdf.numPages, pdf));
    element.dataset.page = String(number);
    return exact.length;
  }

  /** A page that can be read needs room. @param {() => Promise<void>} redraw */
  const wider = (redraw) => {
    const wide = document.body.classList.contains("with-wide-panel");
    return h("button", { type: "button", class: "text-button enlarge", "aria-pressed": String(wide), onclick: async () => {
      document.body.classList.toggle("with-wide-panel");
      await redraw();
      /** @type {HTMLElement|null} */ (steps.querySelector(".enlarge"))?.focus();
    } }, t("pdf.enlarge"));
  };

  /** @param {string} key @param {number} to @param {boolean} possible @param {any} pdf */
  const step = (key, to, possible, pdf) => h("button", { type: "button", class: "text-button", disabled: !possible,
    onclick: () => draw(to, pdf).catch(failed) }, t(key));

  /** @param {unknown} error */
  function failed(error) {
    frame.replaceChildren();
    state.textContent = t("pdf.failed", { reason: error instanceof Error ? error.message : String(error) });
  }

  (async () => {
    const pdf = await openPdf(address);
    for (const number of pages) if (await draw(number, pdf)) return;
    if (pages.length > 1) await draw(pages[0], pdf);
  })().catch(failed);
  return element;
}
