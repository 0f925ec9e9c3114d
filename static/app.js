/* What the pages do beyond HTML and htmx. Everything works without this file. */
"use strict";
