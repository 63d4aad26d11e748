"""With many hypervisors, pages show and offer a few of them, those that are not up to date first."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from tests.support.making import make_hypervisor
from virterweb.hypervisors.fleet import field, shell
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message


@pytest.fixture
def fleet(db, enqueued) -> None:
    """Create 15 hypervisors, of which lab-7 to lab-13 cannot be reached."""
    for number in range(15):
        lab = make_hypervisor(f"lab-{number}")
        if 7 <= number < 14:
            lost = {"error": Message.external("no answer"), "unreachable_since": timezone.now()}
            HypervisorStatus.objects.filter(hypervisor=lab).update(**lost)


def texts(answer, path: str) -> list[str]:
    return [" ".join(each.text_content().split()) for each in html.fromstring(answer.content.decode()).xpath(path)]


def sidebar(answer) -> list[str]:
    return texts(answer, "//nav[@id='sidebar-hypervisors']/a")


def notes(answer) -> list[str]:
    return texts(answer, "//div[@id='trouble']//strong")


def test_the_sidebar_shows_those_that_are_not_up_to_date_first_and_leads_to_all(page, fleet):
    names = sidebar(page.get("/vms/"))
    assert names[:3] == ["lab-7", "lab-8", "lab-9"]
    assert len(names) == shell.SHOWN + 1
    assert names[-1] == "All 15 hypervisors"


def test_a_page_about_a_hypervisor_has_it_in_the_sidebar_and_only_its_note(page, fleet):
    answer = page.get("/networks/?hypervisor=lab-9")
    assert "lab-9" in sidebar(answer)
    assert [note.split(" since")[0] for note in notes(answer)] == ["lab-9 is unreachable"]
    assert notes(page.get("/networks/?hypervisor=lab-6")) == []
    assert "lab-6" in sidebar(page.get("/networks/?hypervisor=lab-6"))


@pytest.mark.parametrize("path", ["/", "/vms/", "/trouble/?hypervisor=*"])
def test_a_note_names_the_first_few_that_are_not_up_to_date(page, fleet, path):
    assert notes(page.get(path)) == [
        "7 hypervisors are not up to date: lab-7, lab-8, lab-9, lab-10, lab-11 and 2 more."
    ]


def test_a_stopped_worker_is_one_note(page, fleet):
    HypervisorStatus.objects.filter(error="").update(observed_at=timezone.now() - timedelta(hours=1))
    stopped, others = notes(page.get("/vms/"))
    assert stopped.startswith("The worker has not run since ")
    assert others.startswith("7 hypervisors are not up to date: ")


@pytest.mark.parametrize("path", ["/", "/vms/", "/hypervisors/", "/trouble/"])
def test_hypervisors_whose_poll_is_late_are_marked_without_further_queries(page, db, enqueued, path):
    def queries() -> int:
        page.get(path)
        with CaptureQueriesContext(connection) as captured:
            answer = page.get(path)
        assert answer.content.decode().count("Not polled recently") >= late
        return len(captured)

    for number in range(12):
        make_hypervisor(f"lab-{number}")
    HypervisorStatus.objects.update(due_at=timezone.now() + timedelta(minutes=1))
    late = 0
    before = queries()
    HypervisorStatus.objects.update(due_at=timezone.now() - timedelta(minutes=2), watched_at=timezone.now())
    late = 12
    assert queries() == before


def test_a_page_records_only_from_time_to_time_that_it_shows_more_hypervisors_than_the_sidebar(page, fleet):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            page.get("/vms/")
        return len(found)

    queries()
    without = queries()
    HypervisorStatus.objects.filter(hypervisor__name="lab-14").update(watched_at=None)
    assert queries() == without + 1
    assert HypervisorStatus.objects.get(hypervisor__name="lab-14").watched_at
    assert queries() == without


def test_the_list_is_searched_narrowed_and_sorted(page, fleet):
    def rows(query: str) -> list[str]:
        return texts(page.get(f"/hypervisors/{query}"), "//table[@id='hypervisors']/tbody/tr/td[1]")

    assert rows("")[:3] == ["lab-0", "lab-1", "lab-2"]
    assert rows("?q=lab-1") == ["lab-1", "lab-10", "lab-11", "lab-12", "lab-13", "lab-14"]
    assert rows("?state=failed") == [f"lab-{number}" for number in range(7, 14)]
    assert rows("?sort=state")[0] == "lab-7"
    assert "No hypervisor matches" in page.get("/hypervisors/?q=nothing").content.decode()


def test_a_form_offers_a_few_and_the_chosen_one_and_a_search_finds_the_others(page, fleet, monkeypatch):
    monkeypatch.setattr(field, "OFFERED", 4)
    last = HypervisorStatus.objects.get(hypervisor__name="lab-9").hypervisor
    answer = page.get(f"/vms/run/?hypervisor={last.pk}")
    assert texts(answer, "//select[@name='hypervisor']/option") == ["lab-9", "lab-0", "lab-1", "lab-10"]
    assert texts(answer, "//select[@name='hypervisor']/option[@selected]") == ["lab-9"]
    found = texts(page.get("/hypervisors/options/?q=lab-1"), "//option")
    assert found[1:3] == ["lab-1", "lab-10"]
    assert (
        page.post("/networks/add/", {"hypervisor": last.pk, "name": "net1", "ipv4": "10.1.0.1/24"}).status_code == 302
    )
    assert last.networks.get().name == "net1"


def test_a_form_of_few_hypervisors_is_a_plain_list(page, fleet):
    answer = page.get("/networks/add/")
    assert len(texts(answer, "//select[@name='hypervisor']/option")) == 15
    assert "Find a hypervisor" not in answer.content.decode()
