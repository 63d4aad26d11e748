# Does in a running guest what its next boot would do: has cloud-init read the ISO again, renders the network anew and
# brings up what differs. Arguments: the MACs of its NICs, then --, then those of nics.sh.
say() { echo "$@"; }

command -v cloud-init >/dev/null || { say "This guest has no cloud-init."; exit 1; }
[ -e /run/cloud-init/result.json ] || { say "cloud-init is still running; try again when it is through."; exit 1; }

cards=
while [ "${1:---}" != -- ]; do
    for folder in /sys/class/net/*; do
        [ -e $folder/device ] && [ "$(cat $folder/address)" = $1 ] && cards="$cards ${folder##*/}"
    done
    shift
done
[ $# = 0 ] || shift
[ "$cards" ] || { say "The guest has none of these cards."; exit 1; }

# A guest that was made without has to take up changes, too.
updates=/etc/cloud/cloud.cfg.d/99-network-updates.cfg
[ -e $updates ] || echo 'updates: {network: {when: [boot-new-instance, boot, hotplug]}}' >$updates

stanza() { cat /etc/network/interfaces /etc/network/interfaces.d/* 2>/dev/null | sed -n "/^\(auto\|iface\) $1\( \|\$\)/,/^\$/p"; }
before=$(mktemp -d)
for card in $cards; do stanza $card >$before/$card; done

first=${cards# }
first=${first%% *}
say "cloud-init reads the ISO"
cloud-init devel hotplug-hook -s net handle -d /sys/class/net/$first -u add >$before/said 2>&1
code=$?
grep -vE "already configured|Permissions for /etc/netplan|openvswitch|resulted in stderr|^$" $before/said
[ $code = 0 ] || exit $code

if command -v netplan >/dev/null && ls /etc/netplan/*.yaml >/dev/null 2>&1; then
    say "netplan has applied it"
elif systemctl is-active --quiet NetworkManager; then
    nmcli connection reload
    for card in $cards; do
        say "NetworkManager: $card"
        nmcli device reapply $card || nmcli connection up ifname $card
    done
elif systemctl is-active --quiet systemd-networkd; then
    say "systemd-networkd:$cards"
    networkctl reload
    networkctl reconfigure $cards
elif command -v ifup >/dev/null; then
    for card in $cards; do
        if stanza $card | cmp -s - $before/$card; then
            ifquery --state $card >/dev/null 2>&1 && continue
            grep -q ^auto $before/$card || continue
        fi
        say "ifupdown: $card"
        ifdown --force $card >/dev/null 2>&1
        ifup $card 2>&1 | grep -E "bound to|DHCPOFFER|rror|ailed"
    done
fi
rm -r $before

[ $# = 0 ] || sh -c "$NICS" nics.sh "$@"
ip -br address
