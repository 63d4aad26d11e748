"""The house: imports go one way, libvirt is in one file, and the pure core knows neither it nor the database."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("virterweb.hypervisors", "networks", "vms")
FILES = [
    path
    for app in APPS
    for path in sorted(ROOT.joinpath(*app.split(".")).rglob("*.py"))
    if "migrations" not in path.parts
]
PURE = {
    *(ROOT / "networks" / f"{name}.py" for name in ("addressing", "network_xml", "lines", "edit_xml", "compare_xml")),
    *(
        ROOT / "networks" / f"{name}.py"
        for name in ("copy_as", "plan", "address_map", "host_entries", "marks", "names")
    ),
    *(ROOT / "vms" / f"{name}.py" for name in ("nic_xml", "domain_xml", "nic_plan", "volume_xml", "attached")),
    *(ROOT / "vms" / f"{name}.py" for name in ("cloud_init", "problems", "expected", "rates", "console_text")),
    *(ROOT / "vms" / f"{name}.py" for name in ("sizes", "qcow2", "user_data", "copy_as", "guest_nic")),
    *(ROOT / "vms" / f"{name}.py" for name in ("guest_seen", "guest_check", "guest_facts")),
    *(ROOT / "vms" / f"{name}.py" for name in ("cloud_config", "cloud_schema")),
}
# Inside an app, from the bottom up: a module imports only those before it.
FLOORS = {
    "virterweb.hypervisors": (
        *("peer", "found", "gateway", "connections", "models", "reconcile", "sync", "tasks", "events", "cli"),
        *("views", "admin"),
    ),
    "networks": (
        *("addressing", "network_xml", "lines", "edit_xml", "compare_xml", "copy_as", "plan", "rules", "check_xml"),
        *("address_map", "host_entries", "marks", "names"),
        *("models", "leases", "dns", "sync", "tasks", "question", "history", "holders", "usage", "hosts"),
        *("fields", "blocks", "forms", "host_forms", "document_form", "merge"),
        *("views", "name_views", "changing", "host_views", "address_views", "bulk", "admin"),
    ),
    "vms": (
        *("sizes", "qcow2", "nic_xml", "domain_xml", "nic_plan", "volume_xml", "attached", "expected", "rates"),
        *("guest_seen", "guest_check", "guest_facts"),
        *("cloud_init", "guest_nic", "cloud_config", "cloud_schema", "user_data"),
        *("copy_as", "console_text", "models", "portal_key", "ids"),
        *("nic_address", "seed", "make", "nic_sync", "configure", "console", "traffic", "guest_report", "guest_states"),
        *("rows", "ssh", "image_sync", "sync", "attached_nics", "addresses", "problems", "checks", "tasks"),
        *("inventory", "search"),
        *("many", "guest_form", "nic_form", "disk_form", "run_form", "image_form"),
        *("many_form", "like", "run_preview", "views", "guest_views", "nic_views", "run_views", "attached_views"),
        *("many_views", "console_views", "taking", "finding", "admin"),
    ),
}


def imported(path: Path) -> set[str]:
    """Absolute names of the modules, and the names in them, that a file imports."""
    package = list(path.relative_to(ROOT).parts[:-1])
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def app_of(path: Path) -> str:
    return next(app for app in reversed(APPS) if path.is_relative_to(ROOT.joinpath(*app.split("."))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_nothing_above_it(path):
    app = app_of(path)
    names = imported(path)
    for above in APPS[APPS.index(app) + 1 :]:
        assert not {name for name in names if name.split(".")[0] == above}
    floors = FLOORS[app]
    place = path.relative_to(ROOT.joinpath(*app.split("."))).parts[0].removesuffix(".py")
    if place in floors:
        higher = floors[floors.index(place) + 1 :]
        assert not {name for name in names for floor in higher if name == f"{app}.{floor}"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_libvirt_is_in_the_gateway_alone(path):
    if path.name != "gateway.py":
        assert not {name for name in imported(path) if name.split(".")[0].startswith("libvirt")}


@pytest.mark.parametrize("path", sorted(PURE), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_pure_core_knows_no_database(path):
    names = imported(path)
    assert not {name for name in names if name.split(".")[0] in ("django", "celery", "libvirt")}
    assert not {name for name in names if name.endswith((".models", ".gateway", ".reconcile"))}


def test_every_module_of_an_app_has_its_floor():
    loose = {"apps", "urls", "__init__"}
    for app in APPS:
        folder = ROOT.joinpath(*app.split("."))
        here = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("models/*.py")}
        assert here - loose == set(FLOORS[app])
