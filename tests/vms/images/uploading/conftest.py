"""A client of the protocol tus, and a hypervisor to upload images for."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.support.making import make_hypervisor
from virterweb.hypervisors.models import Hypervisor

DISK = bytes(range(256)) * 40_000  # a raw disk in more than two parts
START = "/images/uploads/"


@dataclass(frozen=True)
class Tus:
    """What a client of the protocol sends, in the session of a user."""

    client: Client

    def send(self, method: str, path: str, data: bytes = b"", **headers: str) -> HttpResponse:
        given = {"Tus-Resumable": "1.0.0"} | {name.replace("_", "-"): value for name, value in headers.items()}
        kind = given.pop("Content-Type", "application/offset+octet-stream")
        return self.client.generic(method, path, data, kind, headers={k: v for k, v in given.items() if v is not None})

    def create(self, length: int = len(DISK), **values: object) -> HttpResponse:
        metadata = ",".join(f"{key} {encoded(str(value))}" for key, value in values.items())
        return self.send("POST", START, Upload_Length=str(length), Upload_Metadata=metadata)

    def begin(self, lab: Hypervisor, name: str = "new", length: int = len(DISK)) -> str:
        """Begin an upload, and return its path."""
        answer = self.create(length, hypervisor=lab.pk, name=name, filename="disk.raw")
        assert answer.status_code == 201, answer.content
        return answer["Location"]

    def patch(self, path: str, data: bytes, at: int = 0, **headers: str) -> HttpResponse:
        return self.send("PATCH", path, data, Upload_Offset=str(at), **headers)

    def offset(self, path: str) -> int:
        return int(self.send("HEAD", path)["Upload-Offset"])


def encoded(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


@pytest.fixture(params=["in a file", "in the database"])
def lab(request, db, enqueued, settings, tmp_path) -> Hypervisor:
    settings.SPOOL_DIR, settings.UPLOADS_IN_DATABASE = tmp_path / "spool", request.param == "in the database"
    settings.SPOOL_DIR.mkdir()
    return make_hypervisor()


@pytest.fixture
def tus(page) -> Tus:
    return Tus(page)


@pytest.fixture
def left(settings) -> Callable[[], list[str]]:
    """List the files in the folder of uploads."""
    return lambda: sorted(path.name for path in settings.SPOOL_DIR.iterdir())
