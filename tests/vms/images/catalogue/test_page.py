"""The page of the catalogue fetches images with one click, and says which are there."""

import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor, make_image
from virterweb.activity.models import Entry
from vms.models import CatalogueEntry, Image

from .conftest import SHA, URL


def fetch(page, hypervisor, entry: CatalogueEntry | int):
    return page.post("/images/catalogue/", {"entry": getattr(entry, "pk", entry), "hypervisor": hypervisor.pk})


def test_the_page_lists_the_entries_without_the_secrets_of_urls(page, entry):
    said = page.get("/images/catalogue/").content.decode()
    assert said.index("alma-8") < said.index("debian-12")
    assert 'title="https://files.example/alma-8.qcow2"' in said
    assert "for tests" in said
    assert "secret" not in said
    assert said.count(">Fetch</button>") == 2


def test_an_entry_is_fetched_as_an_image_of_its_url_with_its_checksum(member_page, lab, entry):
    assert fetch(member_page, lab, entry).url == "/images/"
    image = Image.objects.get()
    assert (image.name, image.url, image.checksum, image.hypervisor) == ("alma-8", URL, SHA, lab)
    assert list(Image.objects.to_fetch()) == [image]
    assert Entry.objects.get(kind="image").event == "added"


def test_what_is_there_says_so_and_is_not_fetched_twice(page, lab, entry):
    image = make_image(lab)
    image.status.write(made_at=timezone.now())
    said = page.get("/images/catalogue/").content.decode()
    assert said.count(">Fetch</button>") == 1
    assert 'data-state="ready"' in said
    answer = fetch(page, lab, entry)
    assert answer.status_code == 422
    assert "lab-1 already has an image alma-8." in answer.content.decode()
    assert Image.objects.count() == 1


def test_with_several_hypervisors_the_page_asks_for_one(page, lab, entry):
    other = make_hypervisor("lab-2")
    make_image(lab)
    said = page.get("/images/catalogue/").content.decode()
    assert '<select name="hypervisor"' in said
    assert "on lab-1" in said
    assert said.count(">Fetch</button>") == 2
    assert fetch(page, other, entry).status_code == 302
    assert other.images.get().name == "alma-8"


@pytest.mark.parametrize("key", ["", "x", "9" * 30, "999", "-1"])
def test_an_entry_that_is_not_there_is_not_fetched_and_the_page_says_so(page, lab, entry, key):
    answer = page.post("/images/catalogue/", {"entry": key, "hypervisor": lab.pk}, follow=True)
    assert "The catalogue no longer has this entry." in answer.content.decode()
    assert not Image.objects.exists()


def test_an_empty_catalogue_says_how_it_is_filled(page, lab):
    assert "manage.py image catalogue import" in page.get("/images/catalogue/").content.decode()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "file:///etc/shadow"}, "Images can be fetched by http and https only"),
        ({"checksum": "12"}, "A SHA-256 has 64 hexadecimal digits."),
        ({"name": "a b"}, "name"),
        ({"name": "alma-8"}, "already exists"),
    ],
)
def test_the_admin_refuses_entries_that_cannot_be_fetched(page, entry, values, said):
    data = {"name": "new", "url": "https://files.example/new.qcow2", "checksum": "", "note": "", **values}
    answer = page.post("/admin/vms/catalogueentry/add/", data)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert CatalogueEntry.objects.count() == 2


def test_the_admin_adds_an_entry_and_records_it(page, lab):
    data = {"name": "new", "url": "https://files.example/new.qcow2", "checksum": f"sha256:{SHA.upper()}", "note": ""}
    assert page.post("/admin/vms/catalogueentry/add/", data).status_code == 302
    assert CatalogueEntry.objects.get().checksum == SHA
    assert (Entry.objects.get(kind="catalogue").name, Entry.objects.get(kind="catalogue").event) == ("new", "created")
