/* Starts Swagger UI on /api/docs; the address of the document is in the page. */
"use strict";
(() => {
  const place = document.getElementById("swagger");
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
    || (document.documentElement.dataset.theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark-mode", dark);
  // Swagger UI brings the headings of a page of its own; inside ours they move up to follow the h1.
  const LEVEL = { H3: "2", H4: "3", H5: "4" };
  const fit = () => {
    place.querySelectorAll("h3, h4, h5").forEach((title) => {
      if (title.ariaLevel) return;
      title.setAttribute("role", "heading");
      title.setAttribute("aria-level", LEVEL[title.tagName]);
    });
  };
  new MutationObserver(fit).observe(place, { childList: true, subtree: true });
  SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: false,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    // A signed-in browser sends its session cookie, so a write needs the token that every page carries.
    requestInterceptor: (request) => {
      if (new URL(request.url, location.href).origin === location.origin && !request.headers.Authorization) {
        request.headers["X-CSRFToken"] = place.dataset.token;
      }
      return request;
    },
  });
})();
