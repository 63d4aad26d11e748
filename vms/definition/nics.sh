# Does at every boot what some of cloud-init's renderers leave out. Arguments: MAC=WORD,WORD of each NIC.
#   up           raise its link: ifupdown leaves a NIC without an address down
#   mtu-N        set its MTU, which ifupdown does of static addresses only
#   via-ADDRESS  take this default route: ifupdown lacks the program for it, SUSE's renderer leaves it out
#   route-4      ask for an IPv4 default route, if there is none now
#   no-route-4   take no IPv4 default route over it; no-route-6 the same for IPv6
#   metric-N     rank its IPv4 default route: renderers know it for DHCP or for static addresses only, or not at all
#   dns-ADDRESS  ask this server, which ifupdown does not do by itself
#   no-dns       ask none of the servers that DHCP names
#   no-ipv4      ask for no IPv4 address; no-ipv6 believe no router: NetworkManager does both unless it is told not to
# netplan and networkd read most of that from the network configuration; dhclient and NetworkManager read little of it.
exec 2>/dev/null
root=${NICS_ROOT:-}

# NetworkManager, which may start only after this: a line into a section of the card's profile.
profile() {
    file=$root/etc/NetworkManager/system-connections/cloud-init-$card.nmconnection
    [ -f $file ] || return
    key=${2%%=*}
    grep -q "^\[$1\]" $file || printf '\n[%s]\n' $1 >>$file
    sed -i -e "/^\[$1\]/,/^\[/{/^$key=/d}" -e "/^\[$1\]/a $2" $file
    changed=$file
}

# The ifcfg files of the RHEL family and SUSE.
setting() {
    [ -f $1 ] || return
    sed -i "/^$2=/d" $1
    echo "$2=$3" >>$1
    changed=$1
}

# networkd: netplan has no word for routers that are not to be believed.
networkd() {
    for file in $(grep -il "MACAddress=$mac" $root/run/systemd/network/*.network $root/etc/systemd/network/*.network); do
        folder=$root/etc/systemd/network/${file##*/}.d
        mkdir -p $folder
        printf "$2" >$folder/$1.conf
    done
    networkctl reload
}

settle() {
    case $1 in
    up) ip link set dev $card up ;;
    mtu-*) ip link set dev $card mtu ${1#mtu-} ;;
    via-*:*) ip route replace default via ${1#via-} dev $card ;;
    via-*)
        [ -z "$metric" ] || ip route del default via ${1#via-} dev $card
        ip route replace default via ${1#via-} dev $card ${metric:+metric $metric}
        ;;
    no-route-4)
        ip -4 route del default dev $card
        profile ipv4 never-default=true
        setting $root/etc/sysconfig/network-scripts/ifcfg-$card DEFROUTE no
        setting $root/etc/sysconfig/network/ifcfg-$card DHCLIENT_SET_DEFAULT_ROUTE no
        ;;
    no-route-6)
        echo 0 >$root/proc/sys/net/ipv6/conf/$card/accept_ra_defrtr
        ip -6 route del default dev $card
        profile ipv6 never-default=true
        networkd no-route '[IPv6AcceptRA]\nUseGateway=no\n'
        ;;
    dns-*)
        resolv=$root/etc/resolv.conf
        ! command -v ifup || [ -L $resolv ] || grep -qx "nameserver ${1#dns-}" $resolv ||
            echo "nameserver ${1#dns-}" >>$resolv
        ;;
    metric-*)
        profile ipv4 route-metric=$metric
        setting $root/etc/sysconfig/network-scripts/ifcfg-$card METRIC $metric
        setting $root/etc/sysconfig/network-scripts/ifcfg-$card IPV4_ROUTE_METRIC $metric
        setting $root/etc/sysconfig/network/ifcfg-$card DHCLIENT_ROUTE_PRIORITY $metric
        ;;
    no-dns)
        profile ipv4 ignore-auto-dns=true
        profile ipv6 ignore-auto-dns=true
        ;;
    no-ipv4) profile ipv4 method=disabled ;;
    no-ipv6)
        echo 0 >$root/proc/sys/net/ipv6/conf/$card/accept_ra
        profile ipv6 method=link-local
        ;;
    esac
}

# dhclient: before it sets up what it was given, now and at each renewal.
takers=
hooks=$root/etc/dhcp/dhclient-enter-hooks.d
[ ! -d $hooks ] || {
    echo 'case $(cat /sys/class/net/$interface/address) in'
    for nic; do
        echo "${nic%%=*})"
        case $nic in *no-route-4*) echo 'unset new_routers' ;; esac
        case $nic in *no-dns*) echo 'unset new_domain_name_servers' ;; esac
        echo ';;'
    done
    echo esac
    for server in $(echo "$*" | tr ', ' '\n\n' | sed -n 's/^\(.*=\)\{0,1\}dns-\([0-9a-f.:]*\)$/\2/p'); do
        echo '[ -z "$new_domain_name_servers" ] ||'
        echo "new_domain_name_servers=\"\$new_domain_name_servers $server\""
    done
} >$hooks/nics

for nic; do
    mac=${nic%%=*}
    for folder in $root/sys/class/net/*; do
        [ -e $folder/device ] && [ "$(cat $folder/address)" = $mac ] || continue
        card=${folder##*/}
        changed=
        metric=$(echo $nic | sed -n 's/.*[=,]metric-\([0-9]*\).*/\1/p')
        for word in $(echo ${nic#*=} | tr , ' '); do settle $word; done
        [ "$changed" ] && nmcli connection load $changed && {
            nmcli device reapply $card || nmcli --wait 0 connection up ifname $card
        }
        case ,${nic#*=}, in *,route-4,*) takers="$takers $card" ;; esac
    done
done

# dhclient's script adds no second default route: it asks again, now that the others have given theirs up.
for card in $takers; do
    ip -4 route show default | grep -q . && break
    ifquery $card >/dev/null && { ifdown --force $card; ifup $card; }
done
exit 0
