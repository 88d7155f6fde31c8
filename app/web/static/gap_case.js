// @ts-check
/** A gap becomes a case of a golden set: with the passages that answer it, or as one that nothing answers. */
import { ask, call, choice, everything, field, say } from "./calls.js";
import { h, pagesText, t } from "./dom.js";

/**
 * @typedef {import("./gaps.js").Gap} Gap
 * @typedef {{document: string, pages: number[], text: string, collection: string, relevance: number|null}} Found
 */

const MOST_PASSAGES = 8;

/** @param {Gap} gap @param {{id: string, text: string}[]} wordings */
export async function caseOf(gap, wordings) {
  const sets = (await everything("/api/golden")).filter((one) => gap.collections.includes(one.collection));
  const question = choice(wordings.map((one) => [one.text, one.text]));
  const set = choice([...sets.map((one) => /** @type {[string, string]} */ ([one.id, `${one.name} (${one.collection})`])),
    ...gap.collections.map((name) => /** @type {[string, string]} */ ([`new:${name}`, t("case.new", { name })]))]);
  const name = /** @type {HTMLInputElement} */ (h("input", { type: "text", maxlength: 100, autocomplete: "off" }));
  const named = field(t("case.name"), name);
  const none = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", class: "tick" }));
  const passages = h("div", { class: "case-passages" });
  const evidence = h("fieldset", {}, h("legend", {}, t("case.evidence")), h("p", { class: "quiet" }, t("case.evidence_about")), passages);
  /** @type {Found[]} */ let found = [];
  const about = () => (set.value.startsWith("new:") ? set.value.slice(4) : sets.find((one) => one.id === set.value)?.collection);

  const show = () => {
    named.hidden = !set.value.startsWith("new:");
    name.required = !named.hidden;
    evidence.hidden = none.checked;
    const fitting = found.filter((one) => one.collection === about());
    passages.replaceChildren(...(fitting.length ? fitting.map((one) => h("label", {},
      h("input", { type: "checkbox", "data-at": String(found.indexOf(one)) }), h("span", { class: "row-name" }, one.document),
      h("span", { class: "quiet" }, [pagesText(one.pages), one.relevance?.toFixed(2)].filter(Boolean).join(" · ")),
      h("span", { class: "clipped" }, one.text))) : [h("p", { class: "quiet" }, t("case.no_passages"))]));
  };
  const look = async () => {
    const { candidates } = await call("POST", "/api/search", { body: { question: question.value, collections: gap.collections } });
    found = candidates.slice(0, MOST_PASSAGES);
    show();
  };
  await look();
  set.addEventListener("change", show);
  none.addEventListener("change", show);
  question.addEventListener("change", look);
  /** @type {any} */ let made;
  const done = await ask({ title: t("case.title"), text: t("case.about"), act: t("case.save"), parts: [
    field(t("case.question"), question), field(t("case.set"), set), named,
    h("label", { class: "tick-label" }, none, t("case.unanswerable")), evidence], send: async () => {
    const ticked = [...passages.querySelectorAll("input:checked")].map((one) => found[Number(/** @type {HTMLElement} */ (one).dataset.at)]);
    if (set.value.startsWith("new:")) {
      const fresh = await call("POST", "/api/golden", { body: { collection: about(), name: name.value } });
      sets.push(fresh);
      set.prepend(h("option", { value: fresh.id, selected: true }, `${fresh.name} (${fresh.collection})`));
      named.hidden = true;
      name.required = false;
    }
    made = await call("POST", `/api/golden/${encodeURIComponent(set.value)}/cases`, { body: { question: question.value,
      answerable: !none.checked, kind: "gap", note: gap.note,
      evidence: none.checked ? [] : ticked.map((one) => ({ document: one.document, quote: one.text, pages: one.pages })) } });
  } });
  if (done) say(made.state === "accepted" ? t("case.saved") : t("case.draft", { note: made.note }));
}
