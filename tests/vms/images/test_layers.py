"""A layer or image is in use while an overlay refers to it, in any notation of the path."""

import io
import shutil
import subprocess

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.making import make_hypervisor, make_image, record_volume
from virterweb.hypervisors.gateway.found import FoundVolume, Refused
from virterweb.messages import Message
from vms.definition.domain import disk_sources
from vms.images import layers, qcow2, qemu_img
from vms.models import Image, Volume

LAYER = "virter:layer:sha256:0"
DOCUMENT = """<volume><name>{name}</name><capacity>1</capacity><target><path>{folder}/{name}</path></target>{backing}
</volume>"""
DOMAIN = """<domain><devices><disk><source {top}/><backingStore type='file'><source file='{beneath}'/></backingStore>
</disk></devices></domain>"""


def volume(name: str, backing: str = "", folder: str = "/pool") -> FoundVolume:
    store = f"<backingStore><path>{backing}</path></backingStore>" if backing else ""
    document = DOCUMENT.format(name=name, folder=folder, backing=store)
    return FoundVolume(name=name, path=f"{folder}/{name}", document=document)


def pool(*volumes: FoundVolume) -> dict[str, FoundVolume]:
    return {each.name: each for each in volumes}


@pytest.mark.parametrize(
    ("name", "path", "used"),
    [
        (LAYER, f"/pool/./{LAYER}", True),
        (LAYER, f"/pool/{LAYER}", True),
        (LAYER, f"./{LAYER}", True),
        (LAYER, f"/link/to/pool/{LAYER}", True),  # its name says what is in it
        (LAYER, f"{LAYER[:-1]}1", False),
        ("flat", "/pool/./flat", True),
        ("flat", "/elsewhere/flat", False),
    ],
)
def test_the_backing_file_of_an_overlay_is_in_use(name, path, used):
    found = volume(name)
    assert layers.is_used(found, pool(found, volume("virter:work:a", path)), set()) == used
    domain = disk_sources(DOMAIN.format(top="file='/elsewhere/overlay'", beneath=path))
    if path.startswith("/"):  # libvirt gives no others of a domain
        assert layers.is_used(found, pool(found), domain) == used


def test_a_disk_of_a_domain_is_used_by_its_volume_too():
    found = volume("flat")
    assert layers.is_used(found, pool(found), disk_sources(DOMAIN.format(top="pool='p' volume='flat'", beneath="/x")))
    assert not layers.is_used(found, pool(found), set())


@pytest.mark.parametrize(
    ("path", "beneath"),
    [(f"./{LAYER}", LAYER), (f"/pool/./{LAYER}", LAYER), (f"/other/{LAYER}", ""), ("/pool/flat", ""), ("", "")],
)
def test_only_a_layer_of_the_same_pool_is_beneath(path, beneath):
    assert layers.beneath(volume("virter:tag:a", path)) == beneath


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(min_size=4, max_size=50), st.lists(st.integers(1, 9), min_size=60, max_size=60))
def test_a_headless_file_differs_only_in_its_first_four_bytes(data, counts):
    file = layers._Headless(io.BytesIO(data))
    assert b"".join(file.read(count) for count in counts) == bytes(4) + data[4:]


@pytest.mark.parametrize("kind", ["raw", "qcow2"])
def test_a_raw_disk_is_made_qcow2_and_sparse(tmp_path, kind):
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not there")
    file, beats = tmp_path / "disk", []
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, file, "64M"], check=True)
    before = file.read_bytes()
    qemu_img.make_qcow2(file, beats.append)
    with file.open("rb") as data:
        assert not qcow2.file_problem(data, file.stat().st_size)
    assert qcow2.format_of(file.read_bytes()) == "qcow2"
    assert file.stat().st_size < 2**20
    assert (file.read_bytes() == before) == (kind == "qcow2")
    assert list(tmp_path.iterdir()) == [file]


def test_a_missing_qemu_img_is_named(tmp_path, monkeypatch):
    (tmp_path / "disk").write_bytes(bytes(512))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="Install qemu-utils"):
        qemu_img.make_qcow2(tmp_path / "disk", lambda done: None)


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


def test_a_conversion_that_would_fill_the_disk_is_broken_off_and_leaves_nothing(tmp_path):
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not there")
    file = tmp_path / "disk"
    file.write_bytes(bytes(2**20))

    def full(seconds: int) -> None:
        raise Refused(Message.external("The disk of the portal's server is full."))

    with pytest.raises(Refused, match="is full"):
        qemu_img.make_qcow2(file, full)
    assert list(tmp_path.iterdir()) == [file]


def test_a_flat_image_of_an_earlier_version_is_marked_and_can_be_converted(page, lab):
    image = make_image(lab)
    shown = page.get("/images/").content.decode()
    assert "A flat volume, which Virter cannot use." in shown
    convert = reverse("vms:image_convert", args=["lab-1", "alma-8"])
    assert convert in shown
    page.post(convert)
    image.refresh_from_db()
    assert (image.volume, image.generation, bool(image.upload)) == ("alma-8", 2, True)
    page.post(convert)  # once is enough
    image.refresh_from_db()
    assert image.generation == 2


def test_an_image_with_a_layer_beneath_is_not_marked(page, lab):
    image = make_image(lab, volume="virter:tag:alma-8")
    Volume.objects.filter(name=image.volume).update(backing=f"/pool/{LAYER}")
    assert "A flat volume" not in page.get("/images/").content.decode()
    page.post(reverse("vms:image_convert", args=["lab-1", "alma-8"]))
    assert Image.objects.get().upload == ""


def test_a_volume_that_is_being_uploaded_is_not_offered(page, lab):
    record_volume(lab, "virterweb:load:0", path="/pool/virterweb:load:0")
    record_volume(lab, "plain", path="/pool/plain")
    shown = page.get("/images/").content.decode()
    assert 'value="plain"' in shown and "virterweb:load" not in shown
