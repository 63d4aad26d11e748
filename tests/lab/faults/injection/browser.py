"""A browser without JavaScript for one thread, which returns for each change whether it was accepted."""

import http.client
import urllib.parse
from collections.abc import Mapping
from enum import Enum

from lxml import html

from tests.support.portal import Portal

SECONDS = 60  # longer than any fault: a request without an answer by then is no longer in progress


class Answer(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Lost(Exception):
    """The web server did not answer, or not as usual."""


class Browser:
    """Opens pages and sends forms as the person who is logged in at the portal."""

    def __init__(self, portal: Portal) -> None:
        address = urllib.parse.urlsplit(portal.url)
        self.place, self.url = (address.hostname, address.port), portal.url
        jar = next(handler for handler in portal._browser.handlers if hasattr(handler, "cookiejar")).cookiejar
        self.cookie = "; ".join(f"{each.name}={each.value}" for each in jar)
        self.token = next(each.value for each in jar if each.name == "csrftoken")

    def get(self, path: str) -> html.HtmlElement:
        """Open a page; Lost if that fails."""
        status, page, _ = self._request("GET", path)
        if status != 200:
            raise Lost(f"{path}: {status}")
        return html.fromstring(page)

    def send(self, path: str, fields: Mapping[str, object]) -> tuple[Answer, html.HtmlElement | None]:
        """Send a form; a refusal comes with the page that says why."""
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": self.token}, doseq=True)
        try:
            status, page, location = self._request("POST", path, body)
        except Lost:
            return Answer.UNKNOWN, None
        if status == 302:
            assert "/login" not in location, "the session has ended"
            return Answer.ACCEPTED, None
        return (Answer.REFUSED, html.fromstring(page)) if 400 <= status < 500 else (Answer.UNKNOWN, None)

    def _request(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes, str]:
        headers = {"Cookie": self.cookie, "Referer": self.url, "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection(*self.place, timeout=SECONDS)
        try:
            connection.request(method, path, body, headers if body else {"Cookie": self.cookie})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Location", "")
        except (OSError, http.client.HTTPException) as problem:
            raise Lost(str(problem)) from problem
        finally:
            connection.close()
