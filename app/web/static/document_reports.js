// @ts-check
/** The trash of a knowledge base, and the reports on what is in it: suspicious text, near-duplicates. */
import { ask, attempt, below, button, call, everything, say, size, time } from "./calls.js";
import { reasonsText } from "./chunk_viewer.js";
import { $, h, t } from "./dom.js";

/** What is shown belongs to the knowledge base that is chosen now: answers about another one are late. */
export const late = (/** @type {string} */ collection) => /** @type {HTMLSelectElement} */ ($("collection")).value !== collection;

/** @param {{collection: string, manages: boolean, changed: () => void}} where */
export async function showTrash({ collection, manages, changed }) {
  const found = await attempt(() => call("GET", below(collection, "/trash")));
  if (!found || late(collection)) return;
  const again = () => {
    changed();
    return showTrash({ collection, manages, changed });
  };
  const back = (/** @type {string} */ name) => attempt(async () => {
    await call("POST", `${below(collection, "/trash/restore")}?${new URLSearchParams({ name })}`);
    say(t("restored", { name }));
    await again();
  });
  const purge = async (/** @type {any} */ one) => {
    const go = await ask({ title: one ? t("trash.purge_title", { name: one.name }) : t("trash.empty_title"), text: t("trash.purge_about"),
      act: t("trash.purge"), dangerous: true });
    if (!go) return;
    await attempt(async () => {
      const gone = await call("DELETE", `${below(collection, "/trash")}?${new URLSearchParams(one ? { name: one.name } : { everything: "true" })}`);
      say(t("trash.purged", { count: gone.data.length }));
      await again();
    });
  };
  const rows = found.data.map((/** @type {any} */ one) => h("li", {},
    h("div", {}, h("p", { class: "row-name" }, one.name),
      h("p", { class: "quiet" }, [t("chunks_n", { count: one.chunks }), size(one.size_bytes), ""].join(" · "), t("trash.deleted"), " ", time(one.deleted_at)),
      h("p", { class: "quiet" }, t("trash.until"), " ", time(one.kept_until))),
    h("div", { class: "row-actions" },
      button(t("trash.restore"), () => back(one.name), { class: "button", "aria-label": t("trash.restore_label", { name: one.name }) }),
      manages && button(t("trash.purge"), () => purge(one), { class: "button", "aria-label": t("trash.purge_label", { name: one.name }) }))));
  $("trash-body").replaceChildren(...(rows.length ? [h("ul", { class: "rows" }, ...rows)] : [h("p", { class: "empty-note" }, t("trash.none"))]),
    ...(rows.length && manages ? [button(t("trash.empty"), () => purge(null), { class: "button" })] : []));
}

/** Text that speaks to a model rather than to a reader. @param {string} collection @param {(notice: any) => string} sentence */
export async function showSuspicious(collection, sentence) {
  const first = await attempt(() => call("GET", `${below(collection, "/suspicious")}?limit=1`));
  const found = first && await attempt(() => everything(below(collection, "/suspicious")));
  if (!found || late(collection)) return;
  const flag = (/** @type {any} */ one) => h("li", {}, h("q", {}, one.text), h("p", { class: "quiet" },
    reasonsText([one.reason]), " · ", t("chunk.characters", { start: one.start, end: one.end })));
  const documents = found.map((one) => h("li", { class: "finding" }, h("p", { class: "row-name" }, one.document, " ",
    one.found ? h("span", { class: "flag bad" }, t("row.suspicious", { count: one.found })) : null),
  h("ul", { class: "flags-list" }, ...one.flags.map(flag)),
  one.found > one.flags.length ? h("p", { class: "quiet" }, t("checks.more_flags", { count: one.found - one.flags.length })) : null,
  one.hidden.length ? h("ul", { class: "notes" }, ...one.hidden.map((/** @type {any} */ each) => h("li", {}, sentence(each)))) : null));
  $("suspicious-body").replaceChildren(...(first.unseen ? [h("p", { class: "warning" }, t("checks.unseen", { count: first.unseen }))] : []),
    documents.length ? h("ul", { class: "findings" }, ...documents) : h("p", { class: "empty-note" }, t("checks.none_suspicious")));
}

/** Near-duplicates, and versions of one text that say different things. @param {string} collection @param {(notice: any) => string} sentence */
export async function showDuplicates(collection, sentence) {
  const place = $("duplicates-body");
  place.replaceChildren(h("p", { class: "quiet" }, t("checks.looking")));
  const found = await attempt(() => call("GET", below(collection, "/duplicates")));
  if (late(collection)) return;
  if (!found) return place.replaceChildren();
  const said = (/** @type {string} */ name, /** @type {any} */ one) => h("div", {}, h("dt", {}, name, one.heading ? ` › ${one.heading}` : ""), h("dd", {}, one.text));
  const versions = found.versions.map((/** @type {any} */ each) => h("li", { class: "finding" },
    h("p", { class: "row-name" }, t("checks.pair", { one: each.one, other: each.other })),
    h("p", { class: "quiet" }, t("checks.shared", { share: Math.round(100 * each.shared) })),
    ...each.contradictions.map((/** @type {any} */ one) => h("dl", { class: "against" },
      h("p", { class: "flag bad" }, one.kinds.map((/** @type {string} */ kind) => t(`kind.${kind}`)).join(t("list_separator"))),
      said(each.one, one.one), said(each.other, one.other))),
    each.uncompared ? h("p", { class: "quiet" }, t("checks.uncompared", { count: each.uncompared })) : null));
  const groups = found.groups.map((/** @type {any} */ group) => h("li", { class: "finding" }, h("p", { class: "clipped" }, group.text),
    h("p", { class: "quiet" }, [...new Set(group.members.map((/** @type {any} */ one) => one.document))].join(t("list_separator")))));
  const part = (/** @type {string} */ title, /** @type {Node[]} */ items, /** @type {string} */ none) => [h("h4", {}, title),
    items.length ? h("ul", { class: "findings" }, ...items) : h("p", { class: "empty-note" }, none)];
  place.replaceChildren(h("p", { class: "quiet" }, t("checks.looked", { compared: found.compared, count: found.chunks }), " ", time(found.made_at)),
    ...part(t("checks.versions"), versions, t("checks.no_versions")),
    ...part(t("checks.groups", { count: found.groups_found }), groups, t("checks.no_groups")),
    ...(found.notices.length ? [h("ul", { class: "notes" }, ...found.notices.map((/** @type {any} */ each) => h("li", {}, sentence(each))))] : []));
}
