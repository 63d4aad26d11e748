"""A client of the protocol tus that uploads to a portal whose web server is killed meanwhile."""

import base64
import http.client
import urllib.parse
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from tests.support.portal import Portal

CHUNK = 16 * 1024**2  # bytes of a request, as the page sends them
PIECE = 256 * 1024


class ResumableUpload:
    """One upload in the session of the portal's user."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.cookies = portal.cookies()
        self.token = next(each.value for each in portal._cookies if each.name == "csrftoken")
        self.path = "/images/uploads/"

    def begin(self, length: int, **values: object) -> None:
        """Create the upload; its metadata are the fields of the form."""
        pairs = (f"{key} {base64.b64encode(str(value).encode()).decode()}" for key, value in values.items())
        answer = self.request("POST", b"", {"Upload-Length": str(length), "Upload-Metadata": ",".join(pairs)})
        assert answer.status == 201, answer.read()
        self.path = answer.headers["Location"]

    def offset(self) -> int:
        """Return how much has arrived, as the server says."""
        answer = self.request("HEAD", b"", {})
        assert answer.status == 200, answer.status
        return int(answer.headers["Upload-Offset"])

    def send(self, file: Path, kills: Iterable[int] = ()) -> list[int]:
        """Send the file; each time a position is reached, kill the web server and start it again.

        Return the offsets from which the upload was resumed.
        """
        kills, resumed, size = sorted(kills), [], file.stat().st_size
        at = self.offset()
        with file.open("rb") as data:
            while at < size:
                data.seek(at)
                try:
                    at = self._patch(data, at, kills[0] if kills else None)
                except OSError:
                    assert kills, "the connection was lost although nobody killed the server"
                    kills.pop(0)
                    self.portal.web.wait()
                    self.portal.start_web()
                    at = self.offset()
                    resumed.append(at)
        return resumed

    def _patch(self, data: BinaryIO, at: int, kill_at: int | None) -> int:
        size = min(CHUNK, Path(data.name).stat().st_size - at)

        def pieces() -> Iterable[bytes]:
            done = 0
            while done < size:
                if kill_at is not None and at + done >= kill_at:
                    self.portal.web.kill()
                    self.portal.web.wait()
                piece = data.read(min(PIECE, size - done))
                done += len(piece)
                yield piece

        answer = self.request("PATCH", pieces(), {"Upload-Offset": str(at), "Content-Length": str(size)})
        assert answer.status == 204, answer.read()
        return int(answer.headers["Upload-Offset"])

    def request(self, method: str, body: bytes | Iterable[bytes], headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.portal.url).netloc, timeout=60)
        given = {"Cookie": self.cookies, "X-CSRFToken": self.token, "Tus-Resumable": "1.0.0"}
        given["Content-Type"] = "application/offset+octet-stream"
        connection.request(method, self.path, body, given | headers)
        return connection.getresponse()
