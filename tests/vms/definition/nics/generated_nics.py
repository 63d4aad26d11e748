"""Hypothesis strategies for NICs that libvirt accepts."""

from hypothesis import strategies as st

from networks.definition.spec import BandwidthSpec
from vms.definition.nics.spec import NICSpec

names = st.text(st.characters(categories=["L", "N"], include_characters="-. <>&'\""), min_size=1, max_size=20).filter(
    lambda name: name == name.strip()
)
devices = st.sampled_from(["eth0", "br-lab", "bond0.7"])


@st.composite
def bandwidths(draw, floor: bool) -> BandwidthSpec:
    number = st.none() | st.integers(1, 10**6)
    values = {"floor": draw(number)} if floor else {}
    return BandwidthSpec(average=draw(st.integers(1, 10**6)), peak=draw(number), burst=draw(number), **values)


@st.composite
def specs(draw) -> NICSpec:
    """Generate a NIC that libvirt accepts, with the fields that its kind can have."""
    kind = draw(st.sampled_from(["network", "bridge", "direct", "user"]))
    values = {"source": draw({"network": names, "user": st.just("")}.get(kind, devices))}
    if kind == "direct":
        values["mode"] = draw(st.sampled_from(["", "bridge", "vepa", "private", "passthrough"]))
    if kind == "network":
        values["port_group"] = draw(st.sampled_from(["", "red", "blue"]))
    if kind in ("network", "bridge"):
        values["isolated"] = draw(st.booleans())
        values["filter"] = draw(st.sampled_from(["", "clean-traffic"]))
    if values.get("filter"):
        pairs = st.tuples(st.sampled_from(["IP", "CTRL_IP_LEARNING", "X_1"]), st.sampled_from(["10.0.0.1", "dhcp"]))
        values["filter_parameters"] = tuple(sorted(draw(st.lists(pairs, unique=True, max_size=3))))
    if kind != "user":
        values["mtu"] = draw(st.none() | st.integers(68, 65535))
        values["vlan"] = draw(st.none() | st.integers(0, 4095))
        values["trust_rx_filters"] = draw(st.booleans())
    model = draw(st.sampled_from(["virtio", "e1000e", "rtl8139", ""]))
    return NICSpec(
        kind=kind,
        mac=f"52:54:00:00:00:{draw(st.integers(0, 255)):02x}",
        model=model,
        link_up=draw(st.booleans()),
        inbound=draw(st.none() | bandwidths(floor=kind == "network")),
        outbound=draw(st.none() | bandwidths(floor=False)),
        boot_order=draw(st.none() | st.integers(1, 99)),
        queues=draw(st.none() | st.integers(2, 256)) if model == "virtio" else None,
        alias=draw(st.sampled_from(["", "ua-first", "ua-7"])),
        pci=draw(st.just("") | st.builds("0000:{:02x}:{:02x}.0".format, st.integers(0, 255), st.integers(1, 31))),
        **values,
    )
