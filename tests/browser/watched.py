"""Browser windows that forgive nothing."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, Response

LISTEN_FOR_REPORTS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


OF_CHROMIUM = ("ViewTransition opt-in disabled", "Page already revealed")


class Watched:
    """Browser windows whose every complaint is collected."""

    def __init__(self, chromium: Browser, origin: str) -> None:
        self._chromium, self._origin = chromium, origin
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    def open(self, *, width: int = 1280, height: int = 800, **options: object) -> Page:
        """A fresh browser with nobody signed in; `options` are Playwright's."""
        context = self._chromium.new_context(
            base_url=self._origin,
            viewport={"width": width, "height": height},
            **options,  # type: ignore[arg-type]
        )
        self._contexts.append(context)
        context.set_default_timeout(10_000)
        if options.get("java_script_enabled", True):
            context.add_init_script(LISTEN_FOR_REPORTS)
        page = context.new_page()
        page.on("console", self._is_quiet)
        page.on("pageerror", self._does_not_throw)
        page.on("request", self._stays_here)
        page.on("response", self._succeeds)
        page.on("requestfailed", self._arrives)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _is_quiet(self, message: ConsoleMessage) -> None:
        # Chromium prints a line for every 4xx, also for a form that was filled in wrongly; `_succeeds` judges those.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _does_not_throw(self, error: Error) -> None:
        # Chromium reports its own unfinished page transitions: when a page is left for one without a stylesheet, and
        # when pages follow each other more quickly than they can be drawn.
        if not any(words in str(error) for words in OF_CHROMIUM):
            self.complaints.append(str(error))

    def _succeeds(self, answer: Response) -> None:
        is_page = answer.request.resource_type in ("document", "fetch", "xhr")
        if answer.status >= 500 or (answer.status >= 400 and not is_page):
            self.complaints.append(f"{answer.status} {answer.url}")

    def _arrives(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left while it still asked for something
            self.complaints.append(f"{request.failure} {request.url}")

    def _stays_here(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "data:", "blob:")):
            self.complaints.append(f"asked another host: {request.url}")
