# Prints what a guest knows of its network cards, of who configures them, and of cloud-init: a fact a line, in words.
# Read by guest_facts.py. Any sh will do, and of programs no more than a rescue system has.
exec 2>/dev/null
for d in /sys/class/net/*; do
  [ -e "$d/device" ] || continue # a bridge or VLAN on a card has its MAC, too
  read -r mac <"$d/address" && read -r flags <"$d/flags" && read -r index <"$d/ifindex" &&
    echo "card $mac $flags $index ${d##*/}"
done
for p in /proc/[0-9]*; do
  read -r name <"$p/comm" || continue
  case $name in
    dhclient | dhcpcd | udhcpc | udhcpc6) echo "client $name $(tr '\000' ' ' <"$p/cmdline" | head -c 500)" ;;
    NetworkManager | systemd-network | connmand | wickedd*) echo "manager $name" ;;
  esac
done
for f in /run/systemd/netif/links/*; do
  while read -r line; do
    case $line in NETWORK_FILE=?*) network=${line#*=} ;; *) continue ;; esac
    while read -r key; do
      case $key in DHCP=*) echo "networkd ${f##*/} ${key#*=}" ;; esac
    done <"$network"
  done <"$f"
done
for f in /run/NetworkManager/devices/*; do
  while read -r line; do
    case $line in connection-uuid=*) echo "device ${f##*/} ${line#*=}" ;; esac
  done <"$f"
done
for f in /run/NetworkManager/system-connections/* /etc/NetworkManager/system-connections/*; do
  uuid= part=
  while read -r line; do
    case $line in
      uuid=*) uuid=${line#*=} ;;
      \[*) part=$line ;;
      method=*) echo "profile $uuid $part ${line#*=}" ;;
    esac
  done <"$f"
done
if [ -e /run/cloud-init/disabled ]; then
  echo "cloud-init disabled"
elif [ -d /run/cloud-init ] || command -v cloud-init >/dev/null; then
  echo "cloud-init installed"
else
  echo "cloud-init missing"
fi
for f in status result; do
  [ -e /run/cloud-init/$f.json ] && echo "$f $(head -c 20000 /run/cloud-init/$f.json | tr '\n' ' ')"
done
echo end
