"""Two web servers and two workers on PostgreSQL and Redis, behind nginx with the sample: one portal in the browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import Lab
from playwright.sync_api import Browser, Page, expect
from postgresql import private_server

from tests.support.portal import PASSWORD, Portal, free_port
from tests.support.servers.nginx import HOST, nginx_for
from tests.support.servers.redis import redis_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def machines(lab: Lab, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Portal]]:
    """Two machines, each with a web server, a worker and a data folder of its own."""
    environment = {
        "VIRTERWEB_ALLOWED_HOSTS": HOST,
        "VIRTERWEB_TRUSTED_ORIGINS": f"https://{HOST}:{port}",
        "VIRTERWEB_BEHIND_TLS": "1",
    }
    with private_server() as database, redis_server(tmp_path_factory.mktemp("redis")) as broker:
        environment |= {"DATABASE_URL": database, "CELERY_BROKER_URL": broker}
        machines = [
            Portal(tmp_path_factory.mktemp(name), hypervisors, **environment)
            for name, hypervisors in (("one", {"lab": lab.uri}), ("two", None))
        ]
        try:
            for machine in machines:
                machine.start_web()
                machine.start_worker()
            wait_for(lambda: "virbr0" in machines[0].manage("network", "ls"), 60, "the first poll")
            yield machines
        finally:
            for machine in machines:
                machine.stop()


@pytest.fixture
def page(browser: Browser, machines: list[Portal], port: int, tmp_path: Path) -> Iterator[Page]:
    """A page of the portal by way of nginx, with somebody logged in."""
    servers = [machine.url.removeprefix("http://") for machine in machines]
    with nginx_for(tmp_path, port, servers):
        context = browser.new_context(base_url=f"https://{HOST}:{port}", ignore_https_errors=True)
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        yield page
        context.close()


def add_network(page: Page, name: str, block: str) -> None:
    page.goto("/networks/add/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("IPv4").fill(block)
    page.get_by_role("button", name="Add network").click()
    expect(page).to_have_url(f"/networks/lab/{name}/")
    expect(page.locator("header.page .state[data-state]")).to_have_text("ready")


def test_the_portal_goes_on_when_one_machine_is_lost(machines: list[Portal], page: Page):
    add_network(page, "red", "10.251.0.1/24")
    first = machines[0]
    for process in (first.web, first.worker):
        process.kill()
        process.wait()
    for _ in range(4):  # whichever web server has its turn
        page.goto("/networks/lab/red/")
        expect(page.locator("header.page .state[data-state]")).to_have_text("ready")
    add_network(page, "blue", "10.252.0.1/24")
    for name in ("red", "blue"):
        machines[1].manage("network", "rm", name)
