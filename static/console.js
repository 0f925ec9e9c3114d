/* What the console's pages do beyond HTML and htmx: keys, ticks, suggestions. Every page works without this file. */
"use strict";
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const on = (name, act) => document.addEventListener(name, act);
  const boxes = () => all("[data-pick] input[name=uid]");
  const rows = () => all(".ops-jobs tbody tr");

  /* --- ticks: counted, and while there are some the list stands still; newer jobs are only counted --- */
  const count = () => {
    const region = find("#jobs[data-held]");
    if (!region) return;
    const ticked = boxes().filter((box) => box.checked).length;
    const isAll = Boolean(find("#pick-all")?.checked);
    const told = find("[data-picked]");
    const text = isAll ? "All matching" : `${ticked} ticked`;
    if (told && told.textContent !== text) told.textContent = text;
    const page = find("[data-page]");
    if (page) {
      page.checked = ticked > 0 && ticked === boxes().length;
      page.indeterminate = ticked > 0 && ticked < boxes().length;
    }
    const url = ticked || isAll ? region.dataset.held : region.dataset.fresh;
    if (region.getAttribute("hx-get") !== url) region.setAttribute("hx-get", url);
  };
  on("change", ({ target }) => {
    if (!target.closest?.("[data-pick]")) return;
    if (target.matches("[data-page]")) boxes().forEach((box) => { box.checked = target.checked; });
    count();
  });
  on("htmx:after:swap", count);

  /* --- a region does not change under somebody who types; when it was looked at last is said --- */
  on("htmx:before:request", (event) => {
    const typing = document.activeElement?.matches("#main :is(input:not([type=checkbox], [type=search]), textarea)");
    if (typing && event.detail.ctx?.sourceEvent?.type === "every") event.preventDefault();
  });
  on("htmx:after:request", ({ detail: { ctx } }) => {
    const told = find("[data-updated]");
    if (!told || ctx?.sourceEvent?.type !== "every" || ctx.response.status >= 400) return;
    told.dateTime = new Date().toISOString();
    told.textContent = told.dateTime.slice(11, 19);
  });

  /* --- suggestions complete the last word of the filter, not all of it --- */
  const field = find("#q");
  const offered = all("#suggestions option").map((option) => option.value);
  field?.addEventListener("input", () => {
    const begin = field.value.replace(/\S*$/, "");
    all("#suggestions option").forEach((option, number) => { option.value = begin + offered[number]; });
  });

  /* --- keys are no text, nothing of the browser's, and not switched off --- */
  const isOff = () => { try { return localStorage.getItem("shortcuts") === "off"; } catch { return false; } };
  const isForKeys = (event) => !event.target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable], dialog[open]")
    && !event.ctrlKey && !event.metaKey && !event.altKey && !isOff();

  /* --- keys: g and a letter goes to a place, r looks again, / goes to the filter; before the ones of the other pages --- */
  const GO_WITHIN_MS = 1500;
  let goUntil = 0;
  document.addEventListener("keydown", (event) => {
    if (!isForKeys(event) || event.repeat) return;
    const place = Date.now() < goUntil && find(`.places [data-key="${CSS.escape(event.key)}"]`);
    const search = find("#main input[type=search]");
    goUntil = event.key === "g" ? Date.now() + GO_WITHIN_MS : 0;
    if (place) location.assign(place.href);
    else if (event.key === "r") location.reload();
    else if (event.key === "/" && search) search.focus();
    else if (event.key === "/") location.assign(find('.places [data-key="j"]').href);
    else if (event.key !== "g") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  /* --- keys: j k or arrows go from row to row, x ticks, Enter opens; as far as shortcuts are on --- */
  const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
  on("keydown", (event) => {
    if (!isForKeys(event) || !rows().length) return;
    const at = rows().findIndex((row) => row.contains(document.activeElement));
    const step = STEPS[event.key];
    if (step && (at >= 0 || event.key.length === 1)) {
      const next = rows()[at < 0 ? 0 : Math.min(rows().length - 1, Math.max(0, at + step))];
      find("th a", next).focus();
    } else if (event.key === "x" && at >= 0) {
      find("input[name=uid]", rows()[at])?.click();
    } else return;
    event.preventDefault();
  });
  count();

  /* --- where the links of all places do not fit, the one that is open is in sight --- */
  find(".places [aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
})();
