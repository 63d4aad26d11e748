"""Names and values of headers, query parameters and forms."""

from django import forms

from networks.changes.forms.network import NetworkForm
from networks.reservations.forms import HostEntryForm, IDsForm, PasteForm
from tests.project.hostile_input.hostile_values import DOCUMENT, OTHER
from tests.support.making import SSH_KEY
from virterweb.hypervisors.models import Hypervisor
from vms.images.form import ImageForm
from vms.nics.form import NICChangeForm
from vms.run.form import RunForm

HEADERS = {
    "HX-Request": ("true", "false"),
    "HX-Current-URL": (
        "http://[",
        "http://a:b:c/",
        "//",
        "\\",
        "http://x/%zz",
        "http://[::1/",
        "http://localhost/networks/",
    ),
    "HX-Target": ("x", "", "'"),
    "HX-Trigger-Name": ("x",),
    "Accept-Language": ("de", "x" * 999, "*;q=x"),
    "Referer": ("http://[", "x"),
    "X-Forwarded-For": ("x", "1.2.3.4, x"),
    "If-Modified-Since": ("x", "Thu, 99 Foo 0000 99:99:99 GMT", "9" * 500),
    "If-None-Match": ("x", '"', "*"),
    "Range": ("bytes=9-1", "bytes=" + "9" * 99 + "-", "x"),
    "Cookie": ("messages=x", "sessionid=x", "csrftoken=[", "=;=;", "messages=" + "[" * 3000),
}
NAMES = sorted(
    {
        *("q", "hypervisor", "network", "sort", "page", "o", "e", "p",),
        *("all", "next", "like", "image", "nics", "at", "from"),
        *("to", "since", "until", "log", "seen", "token", "shown",),
        *("check", "unused", "block", "vm", "change", "asked", "go"),
        *("action", "did", "where", "ids", "ip", "mac", "model",),
        *("on_drift", "disconnect", "remove", "at_shutdown", "preview"),
        *("base", "document", "source", "bridge", "group", "owner",),
        *("state", "view", "flat", "rows", "overview", "name"),
        *("guest_network", "_popup", "_to_field", "action-checkbox",),
        *("_selected_action", "select_across", "post", "confirm"),
        *(name for form in (NetworkForm, HostEntryForm, IDsForm, PasteForm, ImageForm, RunForm, NICChangeForm)
          for name in form.base_fields),
        *(f"nic_{name}" for name in NICChangeForm.base_fields),
        *("disk_name", "disk_size", "disk_format", "disk_bus", "disk_pool"),
        *(name for name in forms.fields_for_model(Hypervisor)),
    }
)  # fmt: skip

# What is read of addresses, and whole forms in which one thing or another is wrong.
ASKED = (
    "q",
    "hypervisor",
    "network",
    "sort",
    "page",
    "like",
    "nics",
    "at",
    "log",
    "seen",
    "check",
    "block",
    "vm",
    "ip",
)
ASKED += (
    "mac",
    "change",
    "unused",
    "did",
    "where",
    "name",
    "rows",
    "overview",
    "next",
    "token",
    "group",
    "owner",
    "state",
)
NETWORK = {"hypervisor": "1", "name": "net2", "ipv4": "10.254.0.1/24", "dhcp": "on", "domain": "lab.test", "dns": "yes"}
NIC = {
    "network": "net1",
    "model": "virtio",
    "link_up": "on",
    "address": "next",
    "mac": OTHER,
    "vlan": "7",
    "mtu": "1400",
}
RUN = {
    "hypervisor": "1",
    "image": "alma-8",
    "number": "20",
    "count": "2",
    "memory": "128",
    "vcpus": "1",
    "boot_size": "1",
}
RUN |= {"nic_network": "net1", "nic_model": "virtio", "disk_name": "data", "disk_size": "1G", "ssh_keys": SSH_KEY}
HOST = {"mac": OTHER, "ip": "10.255.0.77", "name": "there", "lease": "12h"}
HYPERVISOR = {"name": "lab-2", "uri": "test:///default", "pool": "default", "access_network": "default"}
HYPERVISOR |= {"shutdown_timeout": "20", "history_days": "9", "console_days": "9", "domain_type": "auto"}
FORMS = {
    **{f"networks/add/{end}": NETWORK for end in ("", "preview/")},
    **{f"networks/<str:hypervisor>/<str:name>/edit/{end}": NETWORK | {"token": "x"} for end in ("", "preview/")},
    "networks/<str:hypervisor>/<str:name>/xml/": {"document": DOCUMENT, "token": "x"},
    "networks/<str:hypervisor>/<str:name>/hosts/add/": HOST,
    "networks/<str:hypervisor>/<str:name>/hosts/paste/": {"text": f"{OTHER} 10.255.0.77 there"},
    "networks/<str:hypervisor>/<str:name>/hosts/ids/": {"id": "20", "count": "3"},
    "networks/<str:hypervisor>/<str:name>/hosts/remove/": {"ip": "10.255.0.9"},
    "networks/bulk/": {"action": "start", "network": "1"},
    **{f"vms/run/{end}": RUN for end in ("", "preview/")},
    **{f"vms/<str:hypervisor>/<str:name>/nics/add/{end}": NIC for end in ("", "preview/")},
    "vms/many/": {
        "vm": "1",
        "action": "move",
        "asked": "yes",
        "source": "default",
        "to": "net1",
        "token": "x",
        "go": "on",
    },
    "images/": {"hypervisor": "1", "name": "named", "volume": "alma-8"},
    "admin/hypervisors/hypervisor/add/": HYPERVISOR,
    "login/": {"username": "admin", "password": "x"},
}
