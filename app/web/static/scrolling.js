// @ts-check
/** The page follows an answer that grows, but only while its reader has not scrolled up. */
import { $ } from "./dom.js";

const scroll = $("scroll");
let following = true;
let lastTop = 0;
let handled = -Infinity; // when the reader last moved something: a page that shrinks scrolls up by itself
let growing = () => false;

const fromEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
const offerEnd = () => { $("to-end").hidden = following || fromEnd() < 160; };

/** Go to the end and stay there. */
export function toEnd() {
  following = true;
  scroll.scrollTop = scroll.scrollHeight;
}

/** The end of an answer; one that came at once, and was read by nobody yet, from its start.
 * @param {HTMLElement} turn @param {boolean} quick */
export function showEnd(turn, quick) {
  if (!following) return;
  const start = scroll.scrollTop + turn.getBoundingClientRect().top - scroll.getBoundingClientRect().top;
  scroll.scrollTop = quick ? Math.min(start, scroll.scrollHeight) : scroll.scrollHeight;
}

/** @param {() => boolean} isGrowing whether an answer is being written */
export function watchScrolling(isGrowing) {
  growing = isGrowing;
}

for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  document.addEventListener(name, () => { handled = performance.now(); }, { passive: true });
}
scroll.addEventListener("scroll", () => {
  if (fromEnd() < 48) following = true;
  else if (scroll.scrollTop < lastTop && performance.now() - handled < 1000) following = false;
  lastTop = scroll.scrollTop;
  offerEnd();
}, { passive: true });
new ResizeObserver(() => {
  if (following && growing()) scroll.scrollTop = scroll.scrollHeight;
  offerEnd();
}).observe($("log"));
$("to-end").addEventListener("click", toEnd);
