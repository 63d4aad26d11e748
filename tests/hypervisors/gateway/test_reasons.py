"""Messages of libvirt, dnsmasq and the kernel become a sentence with a solution."""

import errno

import pytest

from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.reasons import SENTENCES, Code, recognise
from virterweb.messages import Message

DNSMASQ = "internal error: Child process (/usr/sbin/dnsmasq --conf-file=x.conf) unexpected exit status 2: \ndnsmasq: "
RULES = "/usr/sbin/iptables -w --table filter --insert LIBVIRT_INP --in-interface virbr1 --jump ACCEPT"
SAID = [  # by libvirt 9.0 with dnsmasq 2.89 and 11.3 with dnsmasq 2.91, in the same words but where a line names one
    ("internal error: Network is already in use by interface virbr0", Code.ROUTED, "virbr0"),
    ("Route address '10.9.0.0' conflicts with IP address for 'br0'", Code.STATIC_ROUTE, "a route to 10.9.0.0"),
    ("internal error: bridge name 'virbr0' already in use.", Code.BRIDGE_TAKEN, "virbr0"),
    ("error creating bridge interface lo: File exists", Code.BRIDGE_EXISTS, "lo"),
    ("Unable to create bridge virbr2: File exists", Code.BRIDGE_EXISTS, "virbr2"),  # built without netlink
    (
        "unable to execute QEMU command 'blockdev-remove-medium': Tray of device 'scsi0-0-0-1' is not open",
        Code.TRAY,
        "try again",
    ),
    ("error creating bridge interface a b: Invalid argument", Code.BRIDGE_NAME, "a b"),
    ("error creating bridge interface abcdefghijklmnop: Numerical result out of range", Code.BRIDGE_NAME, "abcdefgh"),
    (f"{DNSMASQ}failed to bind DHCP server socket: Address already in use", Code.DHCP_TAKEN, "port 67"),
    (f"{DNSMASQ}failed to create listening socket for 10.7.0.1: Address already in use", Code.DNS_TAKEN, "10.7.0.1"),
    (f"{DNSMASQ}bad dhcp-option at line 21 of /var/lib/x.conf\n", Code.OPTION, "(bad dhcp-option)"),
    (f"{DNSMASQ}extraneous parameter at line 21 of /var/lib/x.conf\n", Code.OPTION, "dnsmasq options"),
    (f"{DNSMASQ}Name or service not known at line 22 of /var/lib/x.conf\n", Code.OPTION, "dnsmasq options"),
    (f"{DNSMASQ}unknown user or group: nobodyhere\n", Code.OPTION, "nobodyhere"),
    (f"{DNSMASQ}cannot read /nope: No such file or directory", Code.OPTION_FILE, "/nope"),
    (f"{DNSMASQ}cannot open log /nope/x: No such file or directory", Code.OPTION_FILE, "/nope/x"),
    (f"{DNSMASQ}cannot run lease-init script /nope: No such file or directory", Code.OPTION_FILE, "/nope"),
    (f"{DNSMASQ}TFTP directory /no/such inaccessible: No such file or directory", Code.TFTP_ROOT, "/no/such"),
    (f"{DNSMASQ}failed to set something new: No such process", Code.DNSMASQ, "(failed to set something new: No such"),
    (
        f"Failed to apply firewall rules {RULES}: libvirt:  error : cannot execute binary /usr/sbin/iptables: No such "
        "file or directory\n",
        Code.FIREWALL,
        "nftables or iptables",
    ),  # 9.0
    ("Cannot find 'iptables' in path: No such file or directory", Code.FIREWALL, "nftables or iptables"),  # 11.3
    ("Cannot find 'nft' in path: No such file or directory", Code.FIREWALL, "nftables or iptables"),  # 11.3
    ("internal error: could not find a usable firewall backend", Code.FIREWALL, "nftables or iptables"),  # 11.3
    (
        f"Failed to apply firewall rules {RULES}: iptables: No chain/target/match by that name.\n",
        Code.FIREWALL_RULES,
        "refuses libvirt’s rules",
    ),
    ("zone trusted requested for network n but firewalld is not active", Code.FIREWALLD, "trusted"),
    ("Cannot set interface MTU on 'virbr99': Invalid argument", Code.MTU, "virbr99"),
    ("Cannot get interface MTU on 'br9': No such device", Code.NO_BRIDGE, "the host has no bridge br9"),
    ("Unable to add bridge tap9 port vnet0: Operation not supported", Code.NOT_A_BRIDGE, "tap9 is not a bridge"),
    (
        "unsupported configuration: PTR domain for IPv4 network with prefix 23 cannot be automatically created",
        Code.REVERSE_NAMES,
        "for an IPv4 network with prefix 23, only",
    ),
    ("internal error: No usable Vf's present on SRIOV PF enp5s0f0", Code.NO_FUNCTIONS, "enp5s0f0"),
    ("unexpected exit status 2: Error: Specified qdisc kind is unknown.", Code.SCHEDULER, "bandwidth"),
    (
        "qemu-system-x86_64: -vnc 127.0.0.1:109,audiodev=a: Failed to find an available port: Address already in use",
        Code.VNC_PORT,
        "127.0.0.1:109",
    ),
    (
        "qemu-system-x86_64: -vnc 10.1.2.3:110,audiodev=audio1: Failed to bind socket: Cannot assign requested address",
        Code.VNC_ADDRESS,
        "no address 10.1.2.3",
    ),
    ("cannot open file '/srv/x.img': Permission denied", Code.PERMISSION, "/srv/x.img"),
    ("cannot write: No space left on device", Code.POOL_SPACE, "the pool is full"),
    ("couldn't write dnsmasq config file '/var/lib/a.conf': No space left on device", Code.SPACE, "/var/lib/a.conf;"),
    (f"{DNSMASQ}failed to open pidfile /run/a.pid: No space left on device\n", Code.SPACE, "/run/a.pid;"),
]


@pytest.mark.parametrize(("message", "code", "said"), SAID, ids=[row[0][-40:] for row in SAID])
def test_a_message_becomes_a_code_and_a_sentence(message, code, said):
    reason = recognise(message)
    assert reason.code is code
    assert said in str(reason)
    assert Refused(Message.external("Could not start"), message).reason == reason


def test_every_code_has_a_sentence_and_what_is_unknown_has_none():
    assert set(SENTENCES) == set(Code)
    assert recognise("unsupported configuration: something new") is None


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.ENOSPC, Code.SPACE, "no space left for /etc/a.xml.new;"),
        (errno.EACCES, Code.PERMISSION, "not permitted to use /etc/a.xml.new on the host"),
        (errno.ENOMEM, Code.MEMORY, "not have enough memory"),
    ],
)
def test_the_kernels_number_tells_where_the_words_are_not_known(number, code, said):
    message = "Daten können nicht in die Datei '/etc/a.xml.new' geschrieben werden: es ging nicht"
    assert recognise(message) is None
    reason = recognise(message, number)
    assert reason.code is code
    assert said in str(reason)
    assert "what it needs" in str(recognise("es ging nicht", errno.ENOSPC))


@pytest.mark.parametrize("code", sorted(set(Code) - {Code.NO_NETWORK, Code.NETWORK_INACTIVE}))
def test_every_sentence_says_what_happened_and_then_what_helps(code):
    what, _, step = SENTENCES[code].partition("; ")
    assert what and step
