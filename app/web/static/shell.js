// @ts-check
/** What every page's head does: the theme, the system's or the one chosen. The menu needs no script. */
import { $ } from "./dom.js";

const theme = $("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `touchstone_theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
});
