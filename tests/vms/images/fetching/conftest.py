"""Images that are fetched from a web server of this process."""

from collections.abc import Callable

import pytest

from tests.support.making import make_hypervisor
from tests.support.servers.files import FileServer, file_server
from virterweb.hypervisors.gateway.found import HypervisorError
from vms.images.fetching.fetch import fetch
from vms.images.fetching.progress import FetchProgress
from vms.models import Image, ImageStatus

UPLOAD = "ab" * 16


@pytest.fixture
def server():
    with file_server() as server:
        yield server


@pytest.fixture
def lab(db, enqueued, settings, tmp_path, monkeypatch):
    settings.SPOOL_DIR = tmp_path / "spool"
    settings.SPOOL_DIR.mkdir()
    monkeypatch.setattr(FetchProgress, "STEP", 0)
    return make_hypervisor(image_sources="127.0.0.1\nfiles.example")


@pytest.fixture
def make(lab, server: FileServer) -> Callable[..., Image]:
    """Add an image of a path of the server, claimed by this process as a worker does."""

    def run(path: str = "/disk.img", **values: object) -> Image:
        values = {"url": server.url + path, "upload": UPLOAD, **values}
        image = Image.objects.create(hypervisor=lab, name="new", volume="virter:tag:new", **values)
        ImageStatus.objects.filter(desired=image).update(claimed_by="this worker")
        image.status.refresh_from_db()
        return image

    return run


def again(image: Image) -> Image:
    """Return the image as a worker reads it."""
    return Image.objects.select_related("hypervisor", "status").get(pk=image.pk)


def refusal(image: Image) -> str:
    """Return why an image cannot be fetched."""
    with pytest.raises(HypervisorError) as problem:
        fetch(again(image))
    return str(problem.value.message)
