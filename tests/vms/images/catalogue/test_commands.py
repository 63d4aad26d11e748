"""Commands import registry files, and fetch images of the catalogue, also before a VM is run from them."""

import io
import sys

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.project.commands.running_commands import run
from tests.support.making import make_foreign_network, make_image
from virterweb.activity.models import Entry
from vms.management import pulling
from vms.models import VM, CatalogueEntry, Image, ImageStatus

from .conftest import SHA, URL

FILE = """version = 1
[images.alma-8]
url = "https://files.example/alma-8.10.qcow2"
[images.debian-12]
url = "https://files.example/debian-12.qcow2"
[images.rocky-9]
url = "https://files.example/rocky-9.qcow2"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "images.toml"
    path.write_text(FILE)
    return str(path)


def test_an_import_shows_what_is_new_and_changed_and_drops_the_checksum_of_the_old_file(entry, file):
    out = run("image", "catalogue", "import", file)
    assert "new      rocky-9" in out
    assert "changed  alma-8" in out
    assert "1 unchanged" in out
    assert CatalogueEntry.objects.count() == 3
    entry.refresh_from_db()
    assert (entry.url, entry.checksum, entry.note) == ("https://files.example/alma-8.10.qcow2", "", "for tests")
    assert sorted(Entry.objects.filter(kind="catalogue").values_list("name", "event")) == [
        ("alma-8", "edited"),
        ("rocky-9", "created"),
    ]


def test_a_dry_run_changes_nothing_and_a_second_import_finds_nothing(entry, file):
    run("image", "catalogue", "import", file, "--dry-run")
    assert CatalogueEntry.objects.count() == 2
    run("image", "catalogue", "import", file)
    assert run("image", "catalogue", "import", file) == "3 unchanged\n"


def test_a_registry_file_is_read_from_standard_input(lab, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FILE.encode())))
    run("image", "catalogue", "import", "-")
    assert "rocky-9    https://files.example/rocky-9.qcow2" in run("image", "catalogue", "ls")


def test_a_bad_file_changes_nothing(entry, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(f'{FILE}[images.evil]\nurl = "file:///etc/shadow"\n')
    with pytest.raises(CommandError, match="The image evil: Images can be fetched by http and https only"):
        run("image", "catalogue", "import", str(path))
    with pytest.raises(CommandError, match="No such file"):
        run("image", "catalogue", "import", str(tmp_path / "none"))
    assert CatalogueEntry.objects.count() == 2


def test_only_operators_of_all_hypervisors_import(entry, file, member):
    with pytest.raises(CommandError, match="only operators"):
        run("image", "catalogue", "import", file, "--user", member.username)
    assert CatalogueEntry.objects.count() == 2


@pytest.mark.parametrize(("words", "name"), [((), "alma-8"), (("mine",), "mine")])
def test_an_image_is_added_from_the_catalogue(entry, words, name):
    call_command("image", "add", *words, "--from-catalogue", "alma-8", "--no-wait")
    image = Image.objects.get()
    assert (image.name, image.url, image.checksum) == (name, URL, SHA)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from-catalogue", "none"], "the catalogue has no image none"),
        (["--url", URL], "enter the name of the image"),
    ],
)
def test_an_image_without_a_source_or_a_name_is_refused(entry, words, said):
    with pytest.raises(CommandError, match=said):
        call_command("image", "add", *words, "--no-wait")
    assert not Image.objects.exists()


def run_vm(*words: str) -> str:
    return run("vm", "run", "alma-8", "--id", "8", "--no-wait", *words)


@pytest.fixture
def fetched(monkeypatch):
    """Have a worker that makes each image at once, and list the images that were waited for."""
    waited = []

    def wait(images, command) -> None:
        waited.extend(image.name for image in images)
        ImageStatus.objects.update(made_at=timezone.now())

    monkeypatch.setattr(pulling, "wait_for", wait)
    return waited


def test_vm_run_of_an_image_that_only_the_catalogue_has_says_how_to_fetch_it(entry):
    with pytest.raises(CommandError, match="image add --from-catalogue alma-8"):
        run_vm()
    assert not Image.objects.exists()


@pytest.mark.parametrize("words", [["--pull"], ["--pull-policy", "ifnotexist"], ["--vm-pull-policy", "Always"]])
def test_vm_run_fetches_the_image_first_and_waits_for_it(lab, entry, fetched, words):
    make_foreign_network(lab)
    assert run_vm(*words) == "alma-8-8\n"
    assert VM.objects.get().image.url == URL
    assert fetched == ["alma-8"]


def test_vm_run_does_not_fetch_an_image_that_is_there(lab, entry, fetched):
    make_foreign_network(lab)
    make_image(lab)
    assert run_vm("--pull") == "alma-8-8\n"
    assert fetched == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pull-policy", "Sometimes"], "Sometimes is none of Always, IfNotExist, Never"),
        (["--pull-policy", "Always"], "which the portal does not replace"),
    ],
)
def test_a_pull_that_the_portal_does_not_do_is_refused(lab, entry, words, said):
    make_image(lab)
    with pytest.raises(CommandError, match=said):
        run_vm(*words)
    assert not VM.objects.exists()
