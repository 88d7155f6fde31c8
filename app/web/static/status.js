// @ts-check
/** The state of the models, the collections to choose from and the examples to start with. */
import { $, h, has, language, notice, t } from "./dom.js";
import { offer } from "./scope.js";
import { everything, getJson, Problem } from "./stream.js";

/** @typedef {(question: string, instruction?: string) => void} Pick */

let ready = false;

export const isReady = () => ready;

/** @param {any} status the reply of /api/status */
function showStatus(status) {
  const state = $("state");
  state.dataset.state = status.state;
  ready = status.ready;
  if (!ready) {
    $("state-line").textContent = [t(`state.${status.state === "failed" ? "failed" : "loading"}`), status.detail].filter(Boolean).join(" — ");
    return;
  }
  const known = has(`profile.${status.profile}.name`);
  const counts = [t("documents", { count: status.documents }), t("chunks", { count: status.chunks })];
  $("state-line").replaceChildren(h("strong", {}, known ? t(`profile.${status.profile}.name`) : status.profile),
    h("span", { class: "state-more" }, ` · ${[known && t(`profile.${status.profile}.short`), counts[0]].filter(Boolean).join(" · ")}`));
  $("state-card").replaceChildren(
    known ? h("p", {}, t(`profile.${status.profile}.about`)) : "",
    status.profile_reason ? h("p", { class: "quiet" }, status.profile_reason) : "",
    h("dl", { class: "facts" }, ...Object.entries(status.models).filter(([role]) => has(`role.${role}`)).map(([role, model]) =>
      h("div", {}, h("dt", {}, t(`role.${role}`)), h("dd", {}, String(model)))),
      h("div", {}, h("dt", {}, t("details_size")), h("dd", {}, counts.join(" · ")))));
  $("page-notices").replaceChildren(...status.notices.map(notice));
  $("step-recall").textContent = t("recall_n", { count: status.top_k });
  $("step-rerank").textContent = t("rerank_n");
  $("step-answer").textContent = t("answer_n", { count: status.top_n });
  $("no-documents").hidden = status.documents > 0;
}

/** Fill the collection picker and the examples. @param {Pick} pick */
async function loadChoices(pick) {
  const [collections, examples, assistants] = await Promise.all([getJson("/api/collections"), getJson("/api/examples"), everything("/api/assistants")]);
  offer(collections.data.map((/** @type {any} */ one) => one.name), assistants);
  const mine = (/** @type {any} */ one) => Number(one.language !== language);
  const ordered = [...examples.data].sort((a, b) => mine(a) - mine(b));
  $("examples-part").hidden = ordered.length === 0;
  $("examples").replaceChildren(...ordered.map((one) => h("li", {}, h("button", { type: "button", class: "example",
    lang: one.language === "zh" ? "zh-CN" : "en", title: one.instruction || null,
    onclick: () => pick(one.question, one.instruction ?? "") },
  one.question, one.instruction ? h("span", { class: "flag" }, t("example_instruction")) : null))));
}

/** Ask for the state until the models are ready. @param {Pick} pick what a click on an example does */
export async function watch(pick) {
  let loaded = false;
  for (let wait = 700; ; wait = Math.min(wait * 1.5, 4000)) {
    try {
      const status = await getJson("/api/status");
      showStatus(status);
      if (status.documents > 0 || status.ready) {
        await loadChoices(pick);
        loaded = true;
      }
      if (status.ready && loaded) return;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      $("state").dataset.state = "offline";
      $("state-line").textContent = t("state.offline");
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Look once more: what works may have changed meanwhile, such as the reranker. */
export async function look() {
  try {
    showStatus(await getJson("/api/status"));
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // the next question finds out
  }
}
