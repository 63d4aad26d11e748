"""A VM as Virter's command: values that differ from the defaults, and comments on values without a flag."""

import shlex

import pytest

from vms.definition.nics.spec import NICSpec
from vms.run.copy_as import DiskOf, Run, virter

MAC = "52:54:00:80:00:01"


def run(**values) -> Run:
    return Run(**{"image": "tiny", "number": 8, "name": "tiny-8", **values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ""),
        ({"name": "web"}, "--name web"),
        ({"memory": 2048, "vcpus": 2, "boot_size": 20}, "--memory 2G --vcpus 2 --boot-capacity 20G"),
        ({"memory": 1500}, "--memory 1500M"),
        ({"disks": (DiskOf(name="a", size=512),)}, "--disk name=a,size=512M,format=qcow2,bus=virtio"),
        (
            {"disks": (DiskOf(name="a b", size=1024, format="raw", bus="scsi", pool="fast"),)},
            "--disk 'name=a b,size=1G,format=raw,bus=scsi,pool=fast'",
        ),
        (
            {"nics": (NICSpec(kind="network", source="net1", mac=MAC),)},
            f"--nic type=network,source=net1,mac={MAC}",
        ),
        (
            {"nics": (NICSpec(kind="bridge", source="br0", model="e1000", mac=MAC, alias="ua-x", pci="0000:00:05.0"),)},
            f"--nic type=bridge,source=br0,model=e1000,mac={MAC}",
        ),
        ({"user": "alma", "wait_ssh": True}, "--user alma --wait-ssh"),
        ({"console_dir": "/var/log/my vms"}, "--console '/var/log/my vms'"),
        ({"vnc_port": 6008}, "--vnc"),
        ({"vnc_port": 5901, "vnc_bind": "::"}, "--vnc --vnc-port 5901 --vnc-bind-ip ::"),
        ({"vnc_bind": "::"}, ""),
    ],
)
def test_the_command_contains_only_values_that_differ_from_the_defaults(values, words):
    assert virter(run(**values)) == f"virter vm run tiny --id 8{' ' if words else ''}{words}\n"


def test_names_are_quoted_and_taken_for_no_flags():
    text = virter(run(image="-x; $(reboot)", name="it’s `me`\n"))
    assert text.count("\n") == 2  # of the name and of the end
    assert shlex.split(text) == [
        *("virter", "vm", "run", "--id", "8", "--name", "it’s `me`\n", "--", "-x; $(reboot)"),
    ]


def test_values_without_a_flag_of_virter_are_listed_below_the_command():
    nics = (
        NICSpec(kind="direct", source="eth0", mode="bridge", mac=MAC),
        NICSpec(kind="user", mac="52:54:00:80:00:02"),
        NICSpec(kind="network", source="a,\nb", mac="52:54:00:80:00:03"),
        NICSpec(kind="network", source="net1", mac="52:54:00:80:00:04", mtu=1400),
    )
    text = virter(run(nics=nics, ssh_keys=True, user_data=True, disks=(DiskOf(name="x,y", size=1),)))
    assert text == (
        "virter vm run tiny --id 8 --nic type=network,source=net1,mac=52:54:00:80:00:04\n"
        f"# Virter has no flag for NIC 2 ({MAC}, macvtap on eth0).\n"
        "# Virter has no flag for NIC 3 (52:54:00:80:00:02, user networking).\n"
        "# Virter has no flag for NIC 4 (52:54:00:80:00:03, network a, b).\n"
        "# Virter has no flags for the other settings of NIC 5 (52:54:00:80:00:04).\n"
        "# Virter has no flag for disk x,y, because a value contains a comma.\n"
        "# Virter has no flag for SSH keys.\n"
        "# Virter has no flag for user data.\n"
    )


def test_another_architecture_has_virters_name():
    assert virter(run(arch="aarch64")) == "virter vm run tiny --id 8 --arch arm64\n"
