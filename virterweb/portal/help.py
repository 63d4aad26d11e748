"""The help of main pages: what a page is for, and the same on the command line and for programs."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


@dataclass(frozen=True, kw_only=True)
class Help:
    """The help of one page; `key` is in the address of the help. Words in capitals are to be replaced."""

    key: str
    title: str
    about: str
    commands: Sequence[str] = ()  # arguments of manage.py
    tables: Sequence[str] = ()  # paths that programs read with a token


RUN = "vm run IMAGE --id ID --nic type=network,source=NETWORK"
HELP = {
    "portal:overview": Help(
        key="overview",
        title="Overview",
        about="What needs attention, what is in progress, what was done last, and how full the hypervisors are. "
        "In a new portal, it shows the first steps. Each line links to the page where you can act.",
        commands=("network ls", "vm ls"),
    ),
    "networks:list": Help(
        key="networks",
        title="Networks",
        about="All libvirt networks that you may see, also those that others have defined. Select rows to act on "
        "several at once. The chips narrow the list, and its address keeps filter and order.",
        commands=("network ls", "network add NAME --dhcp --network-cidr CIDR"),
    ),
    "networks:detail": Help(
        key="network",
        title="Network",
        about="The state of one network, the VMs on it with their addresses, and what was changed last. If "
        "libvirt has another definition than the portal, the page shows the difference, and you choose "
        "which one to keep.",
        commands=("network edit NAME", "network list-attached NAME", "network plan NAME", "network history NAME"),
        tables=("/networks/HYPERVISOR/NAME/attached.json", "/networks/HYPERVISOR/NAME/leases.json"),
    ),
    "networks:add": Help(
        key="network-add",
        title="Add network",
        about="Adds a network. DHCP is on, and the next free range is filled in. The preview shows what will be "
        "defined while you type; nothing changes until you press “Add network”.",
        commands=("network add NAME --dhcp --network-cidr CIDR",),
    ),
    "networks:edit": Help(
        key="network-edit",
        title="Edit network",
        about="Changes the saved definition of a network. The preview shows which steps follow, and whether VMs lose"
        " their connection for a moment. Nothing changes until you save.",
        commands=("network edit NAME --dry-run", "network edit NAME --network-cidr CIDR"),
    ),
    "networks:addresses": Help(
        key="address-map",
        title="Address map",
        about="Every address of the network: free, in the DHCP range, reserved, leased, or used without a lease. Point "
        "at an address, or use the arrow keys, to see who has it. A click on a free address reserves it.",
    ),
    "networks:leases": Help(
        key="leases",
        title="Leases",
        about="Which guest has which address, and until when. The lease history says who had an address at a time"
        " that you choose.",
        tables=("/networks/HYPERVISOR/NAME/leases.json",),
    ),
    "networks:hosts": Help(
        key="reservations",
        title="DHCP reservations",
        about="Addresses that DHCP always gives to the same guest. Reserve them one by one, paste a list, or reserve"
        " those of VM IDs. A guest gets its reserved address when it renews its lease.",
        commands=("network host add --id ID", "network host rm --id ID"),
        tables=("/networks/HYPERVISOR/NAME/hosts.json",),
    ),
    "vms:list": Help(
        key="vms",
        title="VMs",
        about="All VMs that you may see, with their state and addresses. Select rows to start, stop, tag or "
        "delete several at once.",
        commands=("vm ls", RUN),
        tables=("/inventory.json",),
    ),
    "vms:detail": Help(
        key="vm",
        title="VM",
        about="Whether a VM runs and can be reached, on which networks it is, and with which addresses. Consoles,"
        " power, NICs, disks and snapshots are on this page and in its tabs.",
        commands=("vm start NAME", "vm nic add NAME type=network,source=NETWORK", "vm ssh NAME", "vm history NAME"),
        tables=("/vms/HYPERVISOR/NAME/snapshots.json", "/vms/HYPERVISOR/NAME/traffic.json"),
    ),
    "vms:nic_list": Help(
        key="attached",
        title="Attached NICs",
        about="Each NIC of each VM with its network, its MAC and its addresses. The chips find those on one "
        "network, or those with a problem.",
        commands=("network list-attached NAME",),
        tables=("/attached.json",),
    ),
    "vms:nic_add": Help(
        key="nic-add",
        title="Add NIC",
        about="Attaches the VM to a network, at once if it runs. The preview shows the MAC and the address that the"
        " guest will get.",
        commands=("vm nic add NAME type=network,source=NETWORK",),
    ),
    "vms:disks": Help(
        key="disks",
        title="Disks",
        about="The disks and drives of a VM. Disks can be added, grown and removed while the VM runs. A removed disk"
        " leaves its volume in the pool.",
        commands=("vm disk ls NAME", "vm disk add NAME name=DISK,size=10G", "vm disk grow NAME TARGET 20G"),
    ),
    "vms:snapshots": Help(
        key="snapshots",
        title="Snapshots",
        about="The disks of a VM as they were at some time, and its memory if it ran. A revert gives up what has"
        " changed since then.",
        commands=("vm snapshot ls NAME", "vm snapshot take NAME SNAPSHOT", "vm snapshot revert NAME SNAPSHOT"),
        tables=("/vms/HYPERVISOR/NAME/snapshots.json",),
    ),
    "vms:console": Help(
        key="console",
        title="Console",
        about="The serial console and the display of a VM. One viewer types at a time; others watch, and can take"
        " control.",
        commands=("vm ssh NAME",),
    ),
    "vms:run": Help(
        key="vm-run",
        title="Run VM",
        about="Runs one or several VMs from an image. The first NIC is on the access network of the hypervisor. "
        "The preview shows names, addresses and whether the hypervisor has room for them.",
        commands=(RUN, "template ls"),
    ),
    "portal:topology": Help(
        key="topology",
        title="Topology",
        about="Networks as lines, VMs as columns, and a dot for each NIC. A dashed line is a link that is down. A"
        " click on a dot leads to the page that sets the link up or down, and “Connect” adds a NIC.",
        commands=("vm nic add NAME type=network,source=NETWORK",),
        tables=("/topology.svg", "/topology.dot"),
    ),
    "portal:addresses": Help(
        key="addresses",
        title="Addresses",
        about="The blocks of all networks in numeric order, how much of each is in use, where blocks overlap, and"
        " which ranges between them are free.",
        commands=("network ls",),
        tables=("/addresses.json",),
    ),
    "vms:traffic": Help(
        key="vm-traffic",
        title="Traffic of a VM",
        about="What each NIC has received and sent in the last hour or day. A gap means that nothing was measured"
        " then. The arrow keys move through the figures of a chart.",
        tables=("/vms/HYPERVISOR/NAME/traffic.json",),
    ),
    "vms:network_traffic": Help(
        key="network-traffic",
        title="Traffic of a network",
        about="What all NICs on this network have received and sent in the last hour or day. A gap means that "
        "nothing was measured then. The arrow keys move through the figures of a chart.",
        tables=("/networks/HYPERVISOR/NAME/traffic.json",),
    ),
    "portal:capacity": Help(
        key="capacity",
        title="Capacity",
        about="Memory, vCPUs and storage pools of each hypervisor: what running VMs and all VMs are allocated, "
        "and what the host uses now. The fullest hypervisor comes first.",
        commands=("pool ls",),
    ),
    "portal:hypervisors": Help(
        key="hypervisors",
        title="Hypervisors",
        about="The hosts that the portal manages: whether they can be reached, when they were last polled, and how"
        " full they are.",
        commands=("hypervisor leftovers", "hypervisor rebuild NAME"),
    ),
    "vms:images": Help(
        key="images",
        title="Images",
        about="The disks that VMs are copied from. Add one from a file, a URL, the catalogue, or a volume that a "
        "pool has already.",
        commands=("image ls", "image add NAME --url URL", "image catalogue ls", "image export NAME"),
    ),
    "vms:pools": Help(
        key="pools",
        title="Storage pools",
        about="The storage pools of the hypervisors, with their size and what is free. The page of a pool lists "
        "its volumes and those that nothing uses.",
        commands=("pool ls", "pool show NAME", "hypervisor leftovers"),
        tables=("/pools.json",),
    ),
    "portal:activity": Help(
        key="activity",
        title="Activity",
        about="Who changed what, when, and with which result; also what is still in progress. The chips and the "
        "two times narrow the list. Entries cannot be changed.",
        commands=("network history NAME", "vm history NAME"),
        tables=("/activity.json",),
    ),
    "portal:address_problems": Help(
        key="problems",
        title="Address problems",
        about="Addresses that two machines use, leases without a VM, blocks that overlap, and other "
        "contradictions, the worst first. Each has the step that solves it.",
        commands=("hypervisor leftovers",),
    ),
    "portal:search": Help(
        key="search",
        title="Search",
        about="Finds networks, VMs, images and leases by name, MAC, IP address or block. Give a time to find out "
        "who had an address then.",
        commands=("inventory",),
    ),
}
_BY_KEY = {each.key: each for each in HELP.values()}


@require_GET
def help_of_page(request: HttpRequest, page: str) -> HttpResponse:
    """Show the help of a page: a part of the dialog of that page, or a page of its own."""
    if page not in _BY_KEY:
        raise Http404
    template = "portal/help/_help.html" if request.htmx else "portal/help/help.html"
    return render(request, template, {"shown": _BY_KEY[page]})
