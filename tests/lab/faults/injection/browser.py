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


class NoAnswer(Exception):
    """The web server did not answer, or answered with an error."""


class Browser:
    """Opens pages and sends forms as the user who is logged in at the portal."""

    def __init__(self, portal: Portal) -> None:
        address = urllib.parse.urlsplit(portal.url)
        self.place, self.url = (address.hostname, address.port), portal.url
        jar = next(handler for handler in portal._browser.handlers if hasattr(handler, "cookiejar")).cookiejar
        self.cookie = "; ".join(f"{each.name}={each.value}" for each in jar)
        self.token = next(each.value for each in jar if each.name == "csrftoken")

    def get(self, path: str) -> html.HtmlElement:
        """Open a page.

        Raises: NoAnswer.
        """
        status, page, _ = self._request("GET", path)
        if status != 200:
            raise NoAnswer(f"{path}: {status}")
        return html.fromstring(page)

    def send(self, path: str, fields: Mapping[str, object]) -> tuple[Answer, html.HtmlElement | None]:
        """Send a form; return the answer and, if the change was refused, the page with the reason."""
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": self.token}, doseq=True)
        try:
            status, page, location = self._request("POST", path, body)
        except NoAnswer:
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
            raise NoAnswer(str(problem)) from problem
        finally:
            connection.close()
