/* What the pages do beyond HTML and htmx. Every page works without this file. */
"use strict";
(() => {
  const root = document.documentElement;
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const on = (name, act) => document.addEventListener(name, act);
  const clicked = (selector, act) => on("click", (event) => {
    const hit = event.target.closest?.(selector);
    if (hit) act(hit, event);
  });

  /* --- speaking to screen readers: grouped, at most once in five seconds --- */
  let waiting = [];
  let spokenAt = 0;
  const speak = () => {
    find("#announce").textContent = waiting.length > 3 ? `${waiting.length} updates. Last: ${waiting.at(-1)}` : waiting.join(". ");
    waiting = [];
    spokenAt = Date.now();
  };
  const announce = (text) => {
    if (!text) return;
    if (!waiting.length) setTimeout(speak, Math.max(100, spokenAt + 5000 - Date.now()));
    waiting.push(text);
  };
  on("announce", (event) => announce(event.detail?.text ?? event.detail?.value));

  /* --- the banner --- */
  const banner = (text, retry = false) => {
    find("#banner").hidden = !text;
    find("#banner span").textContent = text;
    find("#banner [data-retry]").hidden = !retry;
  };

  /* --- polling: not when hidden, not when Live is off, not under a dialog; slower while the server is away --- */
  const SLOW_MS = 30000;
  let failures = 0;
  let nextTry = 0;
  const isPoll = (ctx) => ctx?.sourceEvent?.type === "every";
  const pollNow = () => all('[hx-trigger*="every "]').forEach((region) => htmx.trigger(region, "every", {}, false));
  on("htmx:before:request", (event) => {
    const { ctx } = event.detail;
    if (!isPoll(ctx)) return busy(ctx, true);
    const slowed = failures >= 2 && Date.now() < nextTry;
    if (document.hidden || root.dataset.live === "off" || find("dialog[open]") || slowed) event.preventDefault();
    else nextTry = Date.now() + SLOW_MS;
  });
  const failed = (ctx, text) => {
    if (!isPoll(ctx)) return banner(text);
    failures += 1;
    if (failures >= 2) banner("Connection lost, retrying.", true);
  };
  on("htmx:error", ({ detail: { ctx } }) => failed(ctx, "The server could not be reached. Nothing was lost; try again."));
  on("htmx:response:error", ({ detail: { ctx } }) => {
    const { status, headers } = ctx.response;
    if (status === 429) failed(null, `Too many requests. Try again in ${headers.get("Retry-After") ?? "a few"} seconds.`);
    else if (status >= 500) failed(ctx, "Something went wrong on our side. Try again in a moment.");
  });
  on("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.response.status >= 500 || ctx.response.status === 429) return;
    failures = 0;
    if (!find("#banner").hidden) banner("");
  });
  on("visibilitychange", () => document.hidden || pollNow());
  clicked("[data-retry]", () => { failures = 0; pollNow(); });

  /* --- sending: the button says that it is at work, and a form is sent once --- */
  const busy = (ctx, is) => [ctx?.sourceElement, ctx?.request?.submitter].forEach((part) => {
    if (part?.matches?.("form, button, .btn")) is ? part.setAttribute("aria-busy", "true") : part.removeAttribute("aria-busy");
  });
  on("htmx:finally:request", ({ detail: { ctx } }) => busy(ctx, false));
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[aria-busy=true]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
  on("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    busy({ sourceElement: event.target, request: { submitter: event.submitter } }, true);
  });
  addEventListener("pageshow", (event) => event.persisted && all("[aria-busy]").forEach((part) => part.removeAttribute("aria-busy")));

  /* --- theme and live updates take effect at once and are remembered by the server --- */
  on("submit", async (event) => {
    const form = event.target;
    const { setting } = form.dataset;
    if (!setting) return;
    event.preventDefault();
    form.removeAttribute("aria-busy");
    const { submitter } = event;
    submitter.removeAttribute("aria-busy");
    const before = root.dataset[setting];
    const show = (value) => {
      root.dataset[setting] = value;
      all("button", form).forEach((button) => button.setAttribute("aria-pressed", String(button.value === value)));
    };
    show(submitter.value);
    const body = new URLSearchParams(new FormData(form, submitter));
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    if (answer?.ok || answer?.type === "opaqueredirect") return;
    show(before);
    banner("That could not be saved. Try again.");
  });

  /* --- times --- */
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const relative = (seconds) => {
    const size = Math.abs(seconds);
    if (size < 45) return "just now";
    return size < 3300 ? words.format(Math.round(seconds / 60), "minute") : words.format(Math.round(seconds / 3600), "hour");
  };
  const tell = () => all("time[data-relative]").forEach((time) => {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    const text = Math.abs(seconds) < 86400 ? relative(seconds) : time.title;
    if (text && time.textContent !== text) time.textContent = text;
  });
  setInterval(tell, 20000);

  /* --- after a swap: the dialog opens, the first wrong field has the focus --- */
  const firstError = () => {
    const wrong = find("#main [aria-invalid=true]");
    (wrong?.matches("fieldset") ? find("input", wrong) : wrong)?.focus();
  };
  on("htmx:after:swap", ({ detail: { ctx } }) => {
    tell();
    const dialog = find("#dialog");
    if (dialog.childElementCount && !dialog.open) dialog.showModal();
    if (ctx?.response?.status === 422) firstError();
  });
  clicked("dialog [data-cancel]", (link, event) => { event.preventDefault(); link.closest("dialog").close(); });
  find("#dialog").addEventListener("close", (event) => event.target.replaceChildren());

  /* --- small buttons --- */
  const legacyCopy = (text) => {
    // navigator.clipboard is missing on plain HTTP, which is how many people run this at home.
    const area = Object.assign(document.createElement("textarea"), { value: text, className: "sr" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  clicked("[data-copy]", async (button) => {
    const text = button.dataset.copy;
    const done = await (navigator.clipboard?.writeText(text).then(() => true, () => legacyCopy(text)) ?? legacyCopy(text));
    button.focus();
    button.dataset.said = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => delete button.dataset.said, 2000);
    announce(button.dataset.said);
  });
  clicked("[data-dismiss]", (button) => { button.closest(".flash").remove(); find("#main").focus(); });
  clicked("[data-reveal]", (button) => {
    const field = document.getElementById(button.dataset.reveal);
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-pressed", String(shown));
  });
  on("change", ({ target }) => {
    const form = target.closest?.("form[data-bulk]");
    if (!form || target.type !== "checkbox") return;
    const boxes = all("input[type=checkbox][name]", form);
    if (target.matches("[data-all]")) boxes.forEach((box) => { box.checked = target.checked; });
    find("[data-selected]", form).textContent = `${boxes.filter((box) => box.checked).length} selected`;
  });

  /* --- keys: n logs, / searches, ? helps; can be switched off --- */
  const store = (value) => { try { return value ? localStorage.setItem("shortcuts", value) : localStorage.getItem("shortcuts"); } catch { return null; } };
  const sayShortcuts = () => all("[data-shortcuts]").forEach((button) => {
    const off = store() === "off";
    button.textContent = off ? "Shortcuts off" : "Shortcuts on";
    button.setAttribute("aria-pressed", String(!off));
  });
  clicked("[data-shortcuts]", () => { store(store() === "off" ? "on" : "off"); sayShortcuts(); });
  on("keydown", (event) => {
    const typing = event.target.closest?.("input, select, textarea, [contenteditable], dialog[open]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat || store() === "off" || !find(".tabs")) return;
    const search = find("#main input[type=search]");
    if (event.key === "n") location.assign("/activities/new");
    else if (event.key === "?") location.assign("/help");
    else if (event.key === "/" && search) search.focus();
    else if (event.key === "/") location.assign("/activities/");
    else return;
    event.preventDefault();
  });

  /* --- on every page --- */
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  all("select[data-guess-zone]").forEach((select) => { if ([...select.options].some((o) => o.value === zone)) select.value = zone; });
  all("input[data-guess-zone]").forEach((input) => { input.value ||= zone; });
  sayShortcuts();
  tell();
  firstError();
})();
