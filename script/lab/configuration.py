"""Files, scripts and documents to set up a private hypervisor."""

LIBVIRTD_CONF = """\
unix_sock_dir = "{sockets}"
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:file:{log}"
"""

# Root without a security driver: nothing changes owners, so a lab that is killed leaves no marks on its volumes.
QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
"""

# The first process of the namespaces: dash reaps what libvirtd leaves to it, and lives on when libvirtd dies. Its own
# number as the outside knows it can only be read before the new /proc is mounted.
INIT = """\
read -r pid rest </proc/self/stat
set -e
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount --bind "$1/etc" /etc/libvirt
mount --bind "$1/lib" /var/lib/libvirt
mount --bind "$1/log" /var/log/libvirt
mount --bind "$1/cache" /var/cache/libvirt
mount -t tmpfs tmpfs /run/libvirt
[ ! -d /var/lock ] || mount -t tmpfs tmpfs /var/lock  # libvirtd's locks of serial ports, which name its number in here
[ ! -d /run/dbus ] || mount -t tmpfs tmpfs /run/dbus  # neither firewalld nor machined shall hear of this
ip link set dev lo up
echo "$pid"
exec >&-
while :; do sleep 1000000 & wait; done
"""

# Before each start: the machine's own file is replaced whenever a user is added, and the mount over it goes with it.
MOUNT_USERS = """\
for file in passwd group; do
    grep -q ^libvirt-qemu: /etc/$file || mount --bind "$1/$file" /etc/$file
done
"""

# libvirt's own default network, as every distribution ships it.
DEFAULT_NETWORK = """\
<network>
  <name>default</name>
  <forward mode="nat"/>
  <bridge name="virbr0" stp="on" delay="0"/>
  <ip address="192.168.122.1" netmask="255.255.255.0">
    <dhcp><range start="192.168.122.2" end="192.168.122.254"/></dhcp>
  </ip>
</network>
"""
