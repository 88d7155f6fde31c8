// @ts-check
/** Jobs of a knowledge base as the server tells of them: how far each is, cancel, retry, why it failed. */
import { attempt, button, call, everything } from "./calls.js";
import { $, h, has, t } from "./dom.js";

const ENDED = new Set(["ready", "failed", "cancelled"]);
const AGAIN_MS = 2000;
const LISTED = 300;
/** Failures that the same bytes would bring again: another file helps, another try does not. */
const HOPELESS = new Set(["empty", "no_pages", "unsupported_type", "too_large", "too_many_pages", "too_much_text", "undecodable"]);

/** @type {Map<string, any>} */ const jobs = new Map();
/** @type {Map<string, {row: HTMLElement, key: string}>} */ const rows = new Map();
/** @type {Set<string>} */ const dismissed = new Set(JSON.parse(sessionStorage.getItem("dismissed") ?? "[]"));
/** @type {Set<string>} */ const live = new Set(); // what this page saw going on: only of that the end is news
let collection = "";
let lastEvent = "";
let refreshing = 0;
/** @type {EventSource|null} */ let source = null;
/** @type {(notice: any) => string} */ let sentence = (notice) => notice.code;
/** @type {() => void} */ let published = () => {};

/** @param {{sentence: (notice: any) => string, published: () => void}} handlers `published`: documents may have changed */
export function onJobs(handlers) {
  ({ sentence, published } = handlers);
}

/** Show the jobs of another knowledge base. @param {string} name */
export async function watchJobs(name) {
  collection = name;
  jobs.clear();
  draw();
  if (!source) listen();
  await refresh();
}

/** A job that this page has just handed in. @param {any} job */
export function addJob(job) {
  live.add(job.id);
  if (job.collection === collection && !jobs.has(job.id)) jobs.set(job.id, job);
  draw();
}

function listen() {
  // What happens between the list and the stream is not missed: the list is read when the stream is open.
  const told = source = new EventSource(`/api/jobs/events${lastEvent && `?after=${lastEvent}`}`);
  told.onopen = () => refresh();
  told.addEventListener("job", (event) => {
    lastEvent = event.lastEventId;
    const { job_id: id, state } = JSON.parse(event.data);
    const known = jobs.get(id);
    if (known && !ENDED.has(state)) known.state = state;
    later();
  });
  told.addEventListener("progress", (event) => {
    const job = JSON.parse(event.data);
    if (job.collection !== collection) return;
    jobs.set(job.id, job);
    draw();
  });
  told.onerror = () => {
    if (told.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
    setTimeout(listen, AGAIN_MS);
  };
}

function later(wait = 300) {
  refreshing ||= window.setTimeout(() => {
    refreshing = 0;
    refresh();
  }, wait);
}

async function refresh() {
  if (!collection) return;
  const asked = collection;
  const ready = new Set([...jobs.values()].filter((job) => job.state === "ready").map((job) => job.id));
  try {
    const running = ["stored", "parsing", "chunking", "embedding", "indexing", "publishing", "cancelling", "failed"];
    const query = new URLSearchParams([["collection", asked], ...running.map((state) => ["state", state])]);
    const [open, recent] = await Promise.all([everything(`/api/jobs?${query}`),
      call("GET", `/api/jobs?${new URLSearchParams({ collection: asked, limit: "200" })}`)]);
    if (asked !== collection) return;
    jobs.clear();
    for (const job of [...recent.data, ...open]) jobs.set(job.id, job);
  } catch {
    later(AGAIN_MS); // the list stays as it was until the server answers again
    return;
  }
  draw();
  if ([...jobs.values()].some((job) => job.state === "ready" && !ready.has(job.id))) published();
}

/** What is shown: everything that goes on or failed, and what ended before the reader's eyes. */
function shown() {
  const all = [...jobs.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
  /** @type {Set<string>} */ const newer = new Set();
  const found = [];
  for (const job of all) {
    const over = job.state === "failed" && newer.has(job.name);
    if (job.kind === "ingest") newer.add(job.name);
    if (!ENDED.has(job.state)) live.add(job.id);
    const old = job.state !== "failed" && !live.has(job.id);
    if (!over && !old && !dismissed.has(job.id)) found.push(job);
  }
  const rank = (/** @type {any} */ job) => (job.state === "failed" ? 0 : ENDED.has(job.state) ? 2 : 1);
  return found.sort((a, b) => rank(a) - rank(b));
}

function draw() {
  const list = $("jobs");
  const found = shown();
  const visible = found.slice(0, LISTED);
  const ids = new Set(visible.map((job) => job.id));
  for (const [id, { row }] of rows) {
    if (!ids.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  for (const [at, job] of visible.entries()) {
    const key = [job.state, job.running, job.code, job.message, job.attempt].join();
    let one = rows.get(job.id);
    if (!one || one.key !== key) {
      const row = rowOf(job);
      const focused = one?.row.contains(document.activeElement);
      one?.row.replaceWith(row);
      if (focused) /** @type {HTMLElement|null} */ (row.querySelector("button, input"))?.focus();
      one = { row, key };
      rows.set(job.id, one);
    }
    if (list.children[at] !== one.row) list.insertBefore(one.row, list.children[at] ?? null);
    progress(one.row, job);
  }
  const going = found.filter((job) => !ENDED.has(job.state)).length;
  const failed = found.filter((job) => job.state === "failed").length;
  $("jobs-line").textContent = [going && t("job.going", { count: going }), failed && t("job.failures", { count: failed }),
    found.length > LISTED && t("job.more", { count: found.length - LISTED })].filter(Boolean).join(" · ");
  $("jobs-clear").hidden = !found.some((job) => job.state === "ready" || job.state === "cancelled");
  document.dispatchEvent(new Event("uploads"));
}

/** Take what has ended well off the list. */
export const clearEnded = () => dismiss([...jobs.values()].filter((job) => job.state === "ready" || job.state === "cancelled"));

/** Take jobs off the list of this tab, over reloads, too. @param {any[]} some */
function dismiss(some) {
  for (const job of some) dismissed.add(job.id);
  sessionStorage.setItem("dismissed", JSON.stringify([...dismissed].slice(-500)));
  draw();
}

/** How many rows there are. */
export const count = () => rows.size;

/** @param {any} job */
function rowOf(job) {
  const failed = job.state === "failed";
  const name = job.kind === "reindex" ? t("job.reindex") : job.name;
  const act = (/** @type {string} */ path, /** @type {unknown} */ body) => attempt(async () => {
    jobs.set(job.id, await call("POST", `/api/jobs/${job.id}/${path}`, { body }));
    draw();
  });
  return h("li", { class: `job ${job.state}`, "data-job": job.id },
    h("div", { class: "job-main" },
      h("p", { class: "row-name" }, name, " ", h("span", { class: `flag ${failed ? "bad" : job.state === "ready" ? "good" : ""}` }, stateWord(job))),
      failed ? h("p", { class: "job-why" }, whyFailed(job)) : h("p", { class: "quiet job-line" }),
      !ENDED.has(job.state) && h("progress", { max: 1, "aria-label": t("job.progress", { name }) }),
      ...notices(job),
      failed && job.code === "encrypted" && job.retryable && passwordForm(job, act)),
    h("div", { class: "row-actions" },
      failed && job.retryable && job.code !== "encrypted" && !HOPELESS.has(job.code) &&
        button(t("job.retry"), () => act("retry"), { class: "button", "aria-label": t("job.retry_label", { name }) }),
      !ENDED.has(job.state) && job.state !== "cancelling" &&
        button(t("job.cancel"), () => act("cancel"), { class: "button", "aria-label": t("job.cancel_label", { name }) }),
      failed && button(t("job.dismiss"), () => act("cancel").then(() => dismiss([job])),
        { class: "button", "aria-label": t("job.dismiss_label", { name }) })));
}

/** @param {any} job @param {(path: string, body: unknown) => unknown} act */
function passwordForm(job, act) {
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "password", autocomplete: "off", required: true,
    "aria-label": t("job.password_label", { name: job.name }), placeholder: t("job.password") }));
  return h("form", { class: "inline-form", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    act("retry", { password: input.value });
  } }, input, h("button", { class: "button" }, t("job.unlock")));
}

/** @param {any} job */
const notices = (job) => (job.report?.notices.length ? [h("details", { class: "job-notices" },
  h("summary", {}, t("job.notices", { count: job.report.notices.length })),
  h("ul", {}, ...job.report.notices.map((/** @type {any} */ notice) => h("li", {}, sentence(notice)))))] : []);

/** @param {any} job */
function stateWord(job) {
  if (job.state === "ready") return t(`result.${job.report?.status ?? "added"}`);
  return t(`state.${!job.running && !ENDED.has(job.state) && job.state !== "cancelling" ? "queued" : job.state}`);
}

/** @param {any} job */
const whyFailed = (job) => (has(`failed.${job.code}`) ? t(`failed.${job.code}`) : job.message || t("failed.other", { code: job.code }));

/** @param {HTMLElement} row @param {any} job */
function progress(row, job) {
  const line = row.querySelector(".job-line");
  if (!line) return;
  const bar = /** @type {HTMLProgressElement|null} */ (row.querySelector("progress"));
  const { progress: at, report } = job;
  if (job.state === "ready") {
    line.textContent = report ? [report.pages ? t("pages_n", { count: report.pages }) : "", report.chunks ? t("chunks_n", { count: report.chunks }) : ""].filter(Boolean).join(" · ") : "";
    return;
  }
  const left = job.seconds_left;
  const parts = [at && has(`stage.${at.stage}`) ? t(`stage.${at.stage}`, { done: at.done, total: at.total }) : "",
    !job.running && job.ahead > 0 ? t("job.ahead", { count: job.ahead }) : "",
    job.code && !ENDED.has(job.state) ? t("job.waits", { why: whyFailed(job) }) : "",
    left === null ? "" : left < 60 ? t("job.seconds", { count: Math.max(1, Math.round(left)) }) : t("job.minutes", { count: Math.round(left / 60) })];
  line.textContent = parts.filter(Boolean).join(" · ");
  if (!bar) return;
  if (at && at.total) bar.value = at.done / at.total;
  else bar.removeAttribute("value");
}
