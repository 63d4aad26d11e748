"""The portal without a mouse: where the Tab key leads, what has the focus, menus, dialogs and selections by keys."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

# Whether the focused element can be seen and says by an outline, or its frame by the border, that it has the focus.
SHOWS_FOCUS = """() => {
  const element = document.activeElement;
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  const framed = element.closest("form[role=search]")?.matches(".sidebar > form:focus-within");
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const seen = box.width > 0 && box.height > 0;
  return { what: element.outerHTML.slice(0, 120), seen, shown: outlined || Boolean(framed) };
}"""
LABELLED = """() => [...document.querySelectorAll("input, select, textarea, button, summary, a[href]")]
  .filter((each) => each.checkVisibility() && !each.closest(".map"))
  .filter((each) => !(each.labels?.length || each.textContent.trim() || each.ariaLabel || each.title))
  .map((each) => each.outerHTML.slice(0, 120))"""
PAGES = ("/", "/networks/", "/networks/add/", "/networks/lab/default/", "/vms/", "/vms/run/", "/attached/", "/images/")


def has_focus(locator: Locator) -> None:
    expect(locator).to_be_focused()


@pytest.mark.parametrize("path", PAGES)
def test_the_tab_key_leads_through_the_page_and_the_focus_can_be_seen(tab: Page, path: str):
    tab.goto(path)
    tab.keyboard.press("Tab")
    has_focus(tab.get_by_role("link", name="Skip to content"))
    stops = 0
    for _ in range(150):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement === document.body"):
            break
        stop = tab.evaluate(SHOWS_FOCUS)
        assert stop["seen"], stop
        assert stop["shown"], stop
        stops += 1
    assert stops > 8


@pytest.mark.parametrize("path", PAGES)
def test_every_control_has_a_name(tab: Page, path: str):
    tab.goto(path)
    tab.wait_for_load_state()
    assert tab.evaluate(LABELLED) == []


def test_the_skip_link_leads_past_the_sidebar(tab: Page):
    tab.goto("/networks/")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    expect(tab.locator("main :focus")).to_have_count(1)


def test_a_menu_opens_is_walked_and_closes_by_keys(tab: Page, tagged: Callable[[str], None]):
    tab.goto("/networks/")
    button = tab.get_by_label("Actions for default")
    button.focus()
    tab.keyboard.press("Enter")
    menu = tab.locator("#networks details.menu", has=button)
    expect(menu).to_have_attribute("open", "")
    tab.keyboard.press("ArrowDown")
    has_focus(menu.get_by_role("link", name="Leases"))
    tab.keyboard.press("ArrowUp")
    has_focus(menu.get_by_role("link", name="Delete"))
    tab.keyboard.press("ArrowDown")
    has_focus(menu.get_by_role("link", name="Leases"))
    tagged("updated")
    expect(tab.get_by_text("updated", exact=True)).to_be_visible()
    expect(menu).to_have_attribute("open", "")
    has_focus(menu.get_by_role("link", name="Leases"))
    tab.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    has_focus(button)
    tab.keyboard.press("Enter")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url("/networks/lab/default/leases/")


def test_a_menu_that_the_focus_leaves_closes(tab: Page):
    tab.goto("/networks/lab/default/")
    menu = tab.locator("#more-actions")
    menu.locator("summary").focus()
    tab.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    tab.keyboard.press("Shift+Tab")
    expect(menu).not_to_have_attribute("open", "")


def test_rows_are_selected_by_keys_and_the_heading_selects_all(tab: Page):
    tab.goto("/networks/")
    bar = tab.locator("form[data-bulk]")
    expect(bar).to_be_hidden()
    tab.get_by_label("Select all").focus()
    tab.keyboard.press("Space")
    expect(bar).to_contain_text("selected")
    boxes = tab.locator("tbody input[type=checkbox]")
    expect(tab.locator("tbody input[type=checkbox]:checked")).to_have_count(boxes.count())
    bar.get_by_role("button", name="Clear selection").focus()
    tab.keyboard.press("Enter")
    expect(bar).to_be_hidden()
    expect(tab.locator("tbody input[type=checkbox]:checked")).to_have_count(0)


def test_the_list_of_keys_opens_and_closes(tab: Page):
    tab.goto("/networks/add/")
    tab.wait_for_load_state()
    tab.keyboard.press("?")
    dialog = tab.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    tab.keyboard.press("Escape")  # closes the list alone
    expect(dialog).to_be_hidden()
    expect(tab).to_have_url("/networks/add/")


@pytest.mark.parametrize("width", [390, 1440])
def test_the_menu_of_a_row_is_in_view(tab: Page, width: int):
    tab.set_viewport_size({"width": width, "height": 600})
    tab.goto("/networks/")
    tab.get_by_label("Actions for default").click()
    menu = tab.locator("#networks details.menu[open] > div")
    expect(menu.get_by_role("link", name="Delete")).to_be_in_viewport(ratio=1)
    box = menu.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_leaving_a_form_with_typed_values_asks_and_cancel_or_saving_does_not(tab: Page):
    asked = []
    tab.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    tab.goto("/networks/add/")
    tab.get_by_label("Name").press_sequentially("typed")
    tab.get_by_role("link", name="VMs", exact=True).click()
    expect(tab.get_by_label("Name")).to_have_value("typed")
    assert asked == ["beforeunload"]
    tab.get_by_role("link", name="Cancel").click()
    expect(tab).to_have_url("/networks/")
    assert asked == ["beforeunload"]


@pytest.mark.failing_requests("/networks/lab/default/remove/", status=409)
def test_a_confirmation_is_a_dialog_that_shows_a_refusal_and_returns_the_focus(tab: Page):
    tab.goto("/networks/")
    menu = tab.get_by_label("Actions for default")
    menu.focus()
    tab.keyboard.press("Enter")
    tab.keyboard.press("ArrowUp")  # the last entry
    tab.keyboard.press("Enter")
    dialog = tab.get_by_role("dialog", name="Delete default")
    has_focus(dialog.get_by_role("heading", name="Delete default"))
    dialog.locator("[name=uuid]").evaluate("each => { each.value = 'of another network' }")
    dialog.get_by_role("button", name="Delete default").press("Enter")
    has_focus(dialog.get_by_role("alert"))
    expect(dialog).to_contain_text("Not deleted")
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    has_focus(menu)
    expect(tab).to_have_url("/networks/")


@pytest.mark.failing_requests("/vms/run/", status=422)
def test_the_errors_of_a_refused_form_have_the_focus_and_lead_to_its_fields(tab: Page):
    tab.goto("/vms/run/")
    tab.get_by_role("button", name="Add NIC").click()
    row = tab.get_by_role("group", name="NIC 1")
    row.get_by_text("Guest network configuration").click()
    row.get_by_label("Route metric").fill("x")
    row.get_by_text("Guest network configuration").click()
    expect(row.locator("summary")).to_contain_text("route metric x")
    tab.get_by_role("button", name="Run VM").click()
    errors = tab.get_by_role("alert").filter(has_text="errors")
    has_focus(errors)
    errors.get_by_role("link", name="NIC 1, Route metric").press("Enter")
    has_focus(row.get_by_label("Route metric"))
