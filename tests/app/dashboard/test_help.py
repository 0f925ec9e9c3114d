"""The page of help, and where the foot of every page leads."""

from tests.app.conftest import Browser


def test_help_and_what_the_foot_of_every_page_leads_to_is_there(stranger: Browser) -> None:
    page = stranger.get("/help")
    assert (page.status_code, "How calories are worked out" in page.text, 'href="/help"' in page.text) == (
        200,
        True,
        True,
    )
    answer = stranger.post("/settings/theme", {"theme": "dark", "next": "/help"})
    assert (answer.status_code, answer.location) == (303, "/help")
    assert 'data-theme="dark"' in stranger.get("/help").text
