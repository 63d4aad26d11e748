"""`manage.py image add` adds an image of a URL."""

import pytest
from django.core.management import CommandError, call_command

from tests.support.making import make_hypervisor
from virterweb.hypervisors.models import HypervisorStatus
from vms.models import Image

URL = "https://files.example/debian-12.qcow2"


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor()
    HypervisorStatus.objects.update(observed_at=lab.status.observed_at or "2026-01-01T00:00:00Z")
    return lab


def test_the_image_waits_for_a_worker(lab):
    call_command("image", "add", "debian", "--url", URL, "--sha256", "A1" * 32, "--no-wait")
    image = Image.objects.get()
    assert (image.name, image.url, image.checksum, image.state) == ("debian", URL, "a1" * 32, "pending")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--url", "file:///etc/shadow"], "--url: Images can be fetched by http and https only"),
        (["--url", URL, "--sha256", "12"], "--sha256: A SHA-256 has 64 hexadecimal digits."),
    ],
)
def test_a_bad_source_is_refused_with_its_flag(lab, options, said):
    with pytest.raises(CommandError, match=said):
        call_command("image", "add", "debian", *options, "--no-wait")
    assert not Image.objects.exists()
