/* Starts Swagger UI on /api/docs; the address of the document is in the page. */
"use strict";
(() => {
  const place = document.getElementById("swagger");
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
    || (document.documentElement.dataset.theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark-mode", dark);
  SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: true,
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
