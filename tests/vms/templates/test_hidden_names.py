"""Templates name networks and images only to users who may see these; lists sort by what the user sees."""

import pytest

from tests.project.commands.running_commands import run
from tests.support.making import make_image, make_network
from tests.support.teams import role
from tests.vms.run.test_similar import sent
from virterweb.people.models import Grant
from vms.models import VMTemplate

pytestmark = pytest.mark.integration


@pytest.fixture
def secret(lab, template) -> VMTemplate:
    """Have the template use a network and an image of another team; nobody of the team red sees those of others."""
    Grant.objects.update(role=None)
    make_network(lab, "secret-net", "10.254.0.1/24", team=None)
    make_image(lab, "secret-image", team=None)
    template.fields |= {"image": "secret-image", "nics": [{"network": "net1"}, {"network": "secret-net"}]}
    template.save()
    return template


def test_lists_and_files_do_not_name_what_is_hidden(browse, secret):
    page = browse("owner")
    for path in ("/vms/templates/", "/vms/templates.csv", "/vms/templates.json", "/vms/templates/?sort=networks"):
        shown = page.get(path).content.decode()
        assert "secret" not in shown, path
        assert "another network" in shown
        assert "another image" in shown
    (row,) = page.get("/vms/templates.json").json()
    assert (row["image"], row["networks"]) == ("another image", ["default", "net1", "another network"])
    listed = run("template", "ls", "--user", "owner")
    assert "secret" not in listed
    assert "default,net1,another network" in listed


def test_those_who_see_everything_read_all_names(page, secret):
    for path in ("/vms/templates/", "/vms/templates.csv", "/vms/templates.json"):
        shown = page.get(path).content.decode()
        assert "secret-net" in shown
        assert "secret-image" in shown
    assert "secret-net" in run("template", "ls")


def test_the_form_leaves_out_what_is_hidden_without_its_name(browse, lab, secret):
    path = f"/vms/run/?template=web&hypervisor={lab.pk}"
    answer = browse("owner").get(path)
    assert [str(each) for each in answer.context["form"].initial["missing"]] == [
        "The image of web does not exist on lab, or you may not see it. Choose another one.",
        "NIC 3 is left out, because its network does not exist on lab, or you may not see it.",
    ]
    for shown in (answer, browse("owner").get("/vms/templates/lab/web/edit/")):
        assert "secret" not in shown.content.decode()
    assert sent(browse("owner"), path)["nic_network"] == ["net1"]


def test_what_is_gone_reads_as_what_is_hidden(browse, lab, secret):
    path = f"/vms/run/?template=web&hypervisor={lab.pk}"
    before = browse("owner").get(path).context["form"].initial["missing"]
    lab.networks.filter(name="secret-net").delete()
    lab.images.filter(name="secret-image").delete()
    assert browse("owner").get(path).context["form"].initial["missing"] == before
    assert "secret" not in browse("owner").get("/vms/templates/").content.decode()


def test_hidden_names_are_not_found_by_the_filter(browse, page, secret):
    def found(client, text: str) -> int:
        return len(client.get(f"/vms/templates/?q={text}").context["table"].rows)

    assert found(page, "secret-im") == found(page, "web") == 1
    browser = browse("owner")
    assert [found(browser, text) for text in ("secret", "secret-image", "web")] == [0, 0, 1]
    secret.fields |= {"image": "alma-8"}
    secret.save()
    assert found(browser, "alma") == 1


@pytest.mark.parametrize("column", ["image", "memory", "vcpus", "networks"])
def test_lists_do_not_sort_by_values_that_the_user_may_not_see(browse, lab, template, column):
    Grant.objects.filter(team__name="blue").update(role=role("names and addresses"))
    for name, number in (("a", 9), ("b", 1), ("c", 5)):
        fields = {"image": f"image-{number}", "memory": number, "vcpus": number, "nics": [{"bridge": f"br{number}"}]}
        VMTemplate.objects.create(hypervisor=lab, name=name, team=template.team, fields=fields)
    page = browse("stranger")
    for order in (column, f"-{column}"):
        rows = page.get(f"/vms/templates/?sort={order}").context["table"].rows
        assert [each.name for each in rows] == ["a", "b", "c", "web"], "sorted by name alone"
