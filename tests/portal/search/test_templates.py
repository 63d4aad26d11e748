"""Search for the names of templates."""

import pytest
from django.contrib.auth import get_user_model

from tests.portal.search.search_results import named, said
from tests.support.making import make_hypervisor, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Team
from virterweb.portal.search import MAX_ROWS
from vms.models import VMTemplate

pytestmark = pytest.mark.integration


@pytest.fixture
def template(lab) -> VMTemplate:
    return VMTemplate.objects.create(hypervisor=lab, name="web-server", fields={"image": "alma-8", "memory": 1})


def test_a_template_is_found_by_a_part_of_its_name_in_any_case(ask, template):
    answer = ask("WEB")
    assert named(answer) == ["template web-server on lab-1"]
    assert "/vms/templates/?q=web-server" in answer.content.decode()


def test_the_name_of_a_template_leads_to_it(ask, page, template):
    found = ask("Web-Server")
    assert found["Location"] == "/vms/templates/?q=web-server"
    assert "web-server" in page.get(found["Location"]).content.decode()


def test_a_vm_and_a_template_of_the_same_name_are_listed(ask, lab, template):
    make_vm(lab, "web-server")
    VMTemplate.objects.create(hypervisor=make_hypervisor("lab-2"), name="web-server")
    assert named(ask("web-server")) == [
        "vm web-server on lab-1, off",
        "template web-server on lab-1",
        "template web-server on lab-2",
    ]


@pytest.mark.parametrize("text", ["10.255.0.0/24", "alma", "52:54"])
def test_addresses_and_images_find_no_template(ask, template, text):
    assert "web-server" not in said(ask(text))


def test_templates_that_a_user_may_not_see_are_not_found(client, template):
    Team.objects.update(role_of_all=None)
    stranger = get_user_model().objects.create_user("stranger")
    make_team("blue", {stranger: "user"}, template.hypervisor, others="")
    client.force_login(stranger)
    for text in ("web", "web-server"):
        answer = client.get(f"/search/?q={text}")
        assert answer.status_code == 200
        assert f"Nothing found for “{text}”" in said(answer)


def test_only_the_first_templates_are_listed(ask, lab):
    VMTemplate.objects.bulk_create(VMTemplate(hypervisor=lab, name=f"big-{n}") for n in range(MAX_ROWS + 5))
    answer = ask("big")
    assert len(named(answer)) == MAX_ROWS
    assert "Only the first results of each kind are shown." in said(answer)
