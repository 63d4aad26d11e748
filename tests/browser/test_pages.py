"""Further cases in the browser: errors, no JavaScript, keyboard, concurrent changes, uploads, the admin."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Lab
from playwright.sync_api import Page, expect

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

OUTSIDE = """<network><name>outside</name><bridge name='virbr9'/>
<ip address='10.9.0.1' netmask='255.255.255.0'/></network>"""


@pytest.fixture
def outside(lab: Lab, tmp_path: Path) -> Iterator[Path]:
    """The document of a network that a test may define by virsh; none is left of it."""
    document = tmp_path / "outside.xml"
    document.write_text(OUTSIDE)
    yield document
    if "outside" in lab.virsh("net-list", "--all", "--name").split():
        if "outside" in lab.virsh("net-list", "--name").split():
            lab.virsh("net-destroy", "outside")
        lab.virsh("net-undefine", "outside")


@pytest.mark.failing_requests("/networks/add/", status=422)
def test_an_error_is_shown_at_its_field_and_typed_values_stay(tab: Page, picture: Callable[[Page, str], None]):
    tab.goto("/networks/add/")
    tab.get_by_label("Name").fill("a/b")
    tab.get_by_label("IPv4").fill("192.168.122.77/25")
    tab.get_by_label("Domain", exact=True).fill("<b>bold</b>")
    tab.get_by_role("button", name="Add network").click()
    field = tab.locator(".field[data-error]")
    expect(field).to_have_count(3)
    expect(field.nth(0)).to_contain_text("A name cannot contain “/”")
    expect(field.nth(1)).to_contain_text("192.168.122.0/25 overlaps 192.168.122.0/24 of the network default")
    expect(field.nth(2)).to_contain_text("Enter a DNS name")
    expect(tab.get_by_label("IPv4")).to_have_value("192.168.122.77/25")
    expect(tab.get_by_label("Domain", exact=True)).to_have_value("<b>bold</b>")
    picture(tab, "mistakes")


def test_everything_works_without_javascript(open_tab: Callable[..., Page], portal: Portal):
    tab = open_tab(java_script_enabled=False)
    tab.goto("/networks/add/")
    tab.get_by_label("Name").fill("plain")
    tab.get_by_label("IPv4").fill("10.20.0.1/24")
    tab.get_by_role("button", name="Add network").click()
    expect(tab).to_have_url("/networks/lab/plain/")

    tab.goto("/vms/run/?network=plain")
    tab.get_by_role("button", name="Add NIC").click()
    tab.get_by_role("group", name="NIC 2").get_by_label("Network").select_option("plain")
    tab.get_by_role("button", name="Remove NIC 1").click()
    tab.get_by_label("Image").select_option("tiny")
    tab.get_by_label("ID", exact=True).fill("20")
    tab.get_by_label("Memory, MiB").fill("32")
    tab.get_by_role("button", name="Run VM").click()
    expect(tab).to_have_url("/vms/lab/tiny-20/")
    wait_for(lambda: "running" in portal.manage("vm", "ls"), 20, "the VM runs")
    tab.reload()
    expect(tab.locator("#nics tbody tr")).to_have_count(2)

    tab.goto("/networks/lab/plain/")
    tab.get_by_role("navigation", name="Pages of plain").get_by_role("link", name="Attached VMs").click()
    expect(tab.locator("#attached-table")).to_contain_text("tiny-20")

    tab.goto("/vms/lab/tiny-20/")
    tab.locator("#more-actions summary").click()
    tab.get_by_role("link", name="Force off").click()
    tab.get_by_role("button", name="Force off tiny-20").click()
    expect(tab.get_by_role("dialog")).to_have_count(0)
    wait_for(lambda: "off" in portal.manage("vm", "ls"), 20, "the VM is off")
    tab.locator("#more-actions summary").click()
    tab.get_by_role("link", name="Delete tiny-20").click()
    tab.get_by_label("Type the name").fill("tiny-20")
    tab.get_by_role("button", name="Delete tiny-20").click()
    wait_for(lambda: "tiny-20" not in portal.manage("vm", "ls"), 20, "the VM is gone")
    tab.goto("/networks/lab/plain/remove/")
    tab.get_by_role("button", name="Delete plain").click()
    wait_for(lambda: "plain" not in portal.manage("network", "ls"), 20, "the network is gone")


def test_the_keyboard_focuses_clears_and_leaves_the_search(tab: Page):
    tab.goto("/networks/")
    tab.keyboard.press("/")
    expect(tab.get_by_role("searchbox", name="Search everything")).to_be_focused()
    tab.keyboard.type("nothing like it")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Nothing found for “nothing like it”")).to_be_visible()
    tab.goto("/networks/")
    tab.get_by_role("searchbox", name="Filter").fill("nothing like it")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("No network matches “nothing like it”")).to_be_visible()
    tab.get_by_role("link", name="Show all").click()
    expect(tab).to_have_url("/networks/")
    tab.wait_for_load_state()  # keys are heard from then on
    tab.keyboard.press("ArrowDown")
    expect(tab.get_by_role("link", name="default", exact=True)).to_be_focused()
    tab.keyboard.press("n")
    expect(tab).to_have_url("/networks/add/")
    tab.wait_for_load_state()
    tab.keyboard.press("Escape")
    expect(tab).to_have_url("/networks/")


def test_changes_with_virsh_appear_on_the_page_without_reload(
    tab: Page, lab: Lab, outside: Path, picture: Callable[[Page, str], None]
):
    tab.goto("/networks/")
    expect(tab.locator("#networks")).to_contain_text("virter default")
    lab.virsh("net-define", outside)
    row = tab.get_by_role("row", name="outside")
    expect(row).to_contain_text("unmanaged, inactive", timeout=3_000)
    lab.virsh("net-start", "outside")
    expect(row).not_to_contain_text("inactive", timeout=3_000)
    tab.get_by_role("link", name="outside").click()
    expect(tab.get_by_text("Unmanaged: the portal only shows it")).to_be_visible()
    tab.locator("#more-actions summary").click()
    lab.virsh("net-destroy", "outside")
    expect(tab.locator("dt:text-is('Active') + dd")).to_have_text("no", timeout=3_000)
    expect(tab.get_by_role("link", name="Delete outside")).to_be_visible()  # a menu that is open stays open
    tab.get_by_role("link", name="Definition").click()
    expect(tab.locator("pre")).to_contain_text("<name>outside</name>")
    tab.goto("/networks/")


def test_unfinished_input_survives_updates_of_the_page(tab: Page):
    tab.goto("/vms/run/")
    tab.get_by_label("Name").fill("web")
    tab.get_by_label("ID", exact=True).fill("255")
    expect(tab.locator("#preview")).to_contain_text("has no address")
    tab.get_by_role("button", name="Add NIC").click()
    tab.get_by_role("group", name="NIC 1").get_by_label("MAC", exact=True).fill("52:54:00:aa:bb:cc")
    tab.get_by_role("button", name="Add NIC").click()
    expect(tab.get_by_role("group", name="NIC 1").get_by_label("MAC", exact=True)).to_have_value("52:54:00:aa:bb:cc")
    expect(tab.get_by_label("Name")).to_have_value("web")
    expect(tab.locator(".error")).to_have_count(1)  # the aside's; the form was not sent yet


def test_an_image_is_uploaded_and_a_volume_is_named(
    tab: Page, portal: Portal, lab: Lab, tmp_path: Path, picture: Callable[[Page, str], None]
):
    file = tmp_path / "disk.raw"
    with file.open("wb") as disk:
        disk.truncate(24 * 1024**2)
    tab.goto("/images/")
    expect(tab.locator("#images")).to_contain_text("virter tag")
    tab.get_by_role("textbox", name="Name").fill("uploaded")
    tab.get_by_label("or file").set_input_files(file)
    tab.get_by_role("button", name="Add image").click()
    row = tab.get_by_role("row", name="uploaded")
    expect(row).to_contain_text("ready")
    expect(row).to_contain_text("24.0 MiB")
    known = lab.virsh("vol-info", "--bytes", "--pool", "default", "virter:tag:uploaded")
    assert int(known.split("Capacity:")[1].split()[0]) == 24 * 1024**2
    lab.virsh("vol-create-as", "default", "prepared.qcow2", "1M", "--format", "qcow2")
    portal.manage("shell", "-c", "from virterweb.hypervisors.models import *; Hypervisor.objects.get().request_poll()")
    tab.get_by_role("textbox", name="Name").fill("prepared")
    tab.get_by_role("combobox", name="Volume").fill("prepared.qcow2")
    wait_for(lambda: portal.ask("[volume.name for volume in Volume.objects.filter(name='prepared.qcow2')]"), 10, "seen")
    tab.get_by_role("button", name="Add image").click()
    expect(tab.get_by_role("row", name="prepared")).to_contain_text("ready")
    picture(tab, "images")
    for name in ("uploaded", "prepared"):
        tab.get_by_role("row", name=name).get_by_role("button", name="Delete").click()
        expect(tab.get_by_role("row", name=name)).to_have_count(0)
    left = lab.virsh("vol-list", "default")
    assert "uploaded" not in left and "prepared.qcow2" in left  # what was found in the pool stays there
    lab.virsh("vol-delete", "prepared.qcow2", "--pool", "default")


def test_on_a_phone_nothing_is_wider_than_the_screen(open_tab: Callable[..., Page], picture: Callable):
    tab = open_tab(viewport={"width": 390, "height": 844})
    for path in ("/networks/", "/networks/add/", "/networks/lab/default/", "/vms/", "/vms/run/", "/images/"):
        tab.goto(path)
        expect(tab.locator("main")).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, path
        picture(tab, f"phone{path.replace('/', '-')}")


def test_an_operator_finds_stored_rows_in_the_admin_and_polls_again(tab: Page):
    tab.goto("/admin/")
    for name in ("Hypervisors", "Networks", "VMs", "Images", "Observed data", "System"):
        expect(tab.locator(".tasks").get_by_role("link", name=name, exact=True)).to_be_visible()
    tab.goto("/admin/networks/network/")
    tab.get_by_role("checkbox", name="Select this object").first.check()
    tab.get_by_label("Action:").select_option(label="Poll the hypervisors of the selected rows")
    tab.get_by_role("button", name="Go").click()
    expect(tab.get_by_text("Polling lab.")).to_be_visible()
    tab.get_by_role("link", name="default").first.click()
    tab.get_by_role("link", name="its page in the portal").click()
    expect(tab).to_have_url("/networks/lab/default/")
    tab.locator("#more-actions summary").click()
    tab.get_by_role("link", name="Open in the admin").click()
    expect(tab.get_by_role("heading", name="default", exact=True)).to_be_visible()


def test_a_connection_is_tested_and_the_result_follows_without_reload(tab: Page):
    tab.goto("/admin/hypervisors/hypervisor/")
    tab.get_by_role("link", name="lab", exact=True).last.click()
    tab.get_by_role("button", name="Test connection").click()
    expect(tab.locator("#connection-test")).to_contain_text("The connection works.")
    expect(tab.locator("#connection-test")).to_contain_text("libvirt")


@pytest.mark.failing_requests("/login/", status=422)
def test_a_password_is_changed_and_the_portal_left(open_tab: Callable[..., Page], portal: Portal):
    portal.manage(
        "shell",
        "-c",
        "from django.contrib.auth import get_user_model as m; m().objects.create_user('mira', password='an old one')",
    )
    tab = open_tab(storage_state=None)
    tab.goto("/vms/")
    expect(tab).to_have_url("/login/?next=/vms/")
    tab.get_by_label("Username").fill("mira")
    tab.get_by_label("Password").fill("wrong")
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_text("Please enter a correct username and password")).to_be_visible()
    tab.get_by_label("Password").fill("an old one")
    tab.get_by_role("button", name="Sign in").click()
    expect(tab).to_have_url("/vms/")
    expect(tab.get_by_role("link", name="Admin")).to_have_count(0)
    tab.locator("details.account > summary").click()
    tab.get_by_role("link", name="Profile").click()
    tab.get_by_role("link", name="Change password").click()
    tab.get_by_label("Old password").fill("an old one")
    tab.get_by_label("New password", exact=True).fill("quite another one")
    tab.get_by_label("New password confirmation").fill("quite another one")
    tab.get_by_role("button", name="Change password").click()
    expect(tab.get_by_text("Password changed")).to_be_visible()
    tab.locator("details.account > summary").click()
    tab.get_by_role("button", name="Sign out").click()
    expect(tab.get_by_role("button", name="Sign in")).to_be_visible()
