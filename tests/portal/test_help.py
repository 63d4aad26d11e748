"""Each main page has help: what it is for, commands that exist, and addresses that programs can read."""

import re

import pytest
from django.core.management import get_commands, load_command_class
from django.urls import get_resolver, resolve
from lxml import html

from virterweb.portal.help import HELP

MAIN = {
    *("portal:overview", "portal:topology", "portal:addresses", "portal:capacity", "portal:activity"),
    *("portal:address_problems", "portal:search", "networks:list", "networks:detail", "networks:add"),
    *("networks:edit", "networks:addresses", "networks:leases", "networks:hosts", "portal:hypervisors"),
    *("vms:list", "vms:detail", "vms:nic_list", "vms:nic_add", "vms:run", "vms:disks", "vms:snapshots", "vms:console"),
    *("vms:traffic", "vms:network_traffic", "vms:images", "vms:pools"),
}


def test_each_main_page_has_help_with_an_address_of_its_own():
    assert HELP.keys() == MAIN
    assert len({each.key for each in HELP.values()}) == len(MAIN)
    views = {(space, name) for space in ("portal", "networks", "vms") for name in _names(space)}
    assert {tuple(name.split(":")) for name in MAIN} <= views


def _names(space: str) -> set[str]:
    return {name for name in get_resolver().namespace_dict[space][1].reverse_dict if isinstance(name, str)}


@pytest.mark.parametrize("command", sorted({each for its in HELP.values() for each in its.commands}))
def test_the_commands_of_the_help_exist(command):
    name, *words = command.split()
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    for word in words:
        choices = next((each.choices for each in parser._actions if hasattr(each.choices, "keys")), None)
        if choices is None:
            break
        parser = choices[word]
    options = set(re.findall(r"--[\w-]+", command))
    assert options <= parser._option_string_actions.keys()


@pytest.mark.parametrize("path", sorted({each for its in HELP.values() for each in its.tables}))
def test_the_addresses_for_programs_exist(path):
    assert resolve(path).namespace in ("networks", "portal", "vms")


@pytest.mark.parametrize("shown", HELP.values(), ids=lambda each: each.key)
def test_the_help_is_a_page_and_a_part_of_the_dialog(page, shown):
    whole = html.fromstring(page.get(f"/help/{shown.key}/").content)
    assert shown.about in " ".join(whole.xpath("//*[@id='page-help']")[0].text_content().split())
    part = page.get(f"/help/{shown.key}/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="page-help">')
    assert "<h1>" not in part


def test_a_page_links_to_its_help_and_others_have_none(page):
    assert html.fromstring(page.get("/networks/").content).xpath("//a[@data-help]/@href") == ["/help/networks/"]
    assert b"data-help" not in page.get("/profile/").content
    assert page.get("/help/nothing/").status_code == 404
