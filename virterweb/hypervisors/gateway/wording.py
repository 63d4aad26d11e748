"""Texts of the gateway's messages: calls of libvirt, and the reasons why they failed. Pure.

Everything else stores, compares and branches on codes.
"""

from virterweb.messages import add_wording

#: What was tried, by noun and call, as it stands in `FAILURES`.
ACTIONS = {
    "domains.all": "list the VMs",
    "domains.all_one": "read a VM",
    "domains.get": "read a VM",
    "domains.uuid_of": "find VM {name}",
    "domains.stored_document": "read a VM",
    "domains.define": "define VM {name}",
    "domains.grow_live": "give {name} more memory and vCPUs while it runs",
    "domains.rename": "rename the VM to {name}",
    "domains.undefine": "undefine {name}",
    "domains.start": "start {name}",
    "domains.shut_down": "shut down {name}",
    "domains.force_off": "stop {name}",
    "domains.reboot": "reboot {name}",
    "domains.reset": "reset {name}",
    "domains.pause": "pause {name}",
    "domains.resume": "resume {name}",
    "domains.save": "save the state of {name}",
    "domains.discard_saved": "discard the saved state of {name}",
    "domains.set_autostart": "change whether {name} starts with the host",
    "domains.attach_nic": "attach NIC {mac}",
    "domains.update_nic": "change NIC {mac}",
    "domains.detach_nic": "detach NIC {mac}",
    "disks.attach": "attach disk {target}",
    "disks.detach": "detach disk {target}",
    "disks.change_medium": "change the medium of {target}",
    "disks.capacity": "read the size of disk {target}",
    "disks.grow": "grow disk {target}",
    "domains.traffic": "read the traffic of NICs",
    "domains.interface_addresses": "ask for a VM's addresses",
    "consoles.serial": "open the serial console of {name}",
    "consoles.display": "open the display of {name}",
    "host.version": "ask for the version",
    "host.name": "ask for the host name",
    "host.memory": "ask for the host's memory",
    "host.nic_models": "ask for the NIC models",
    "host.archs": "ask for the architectures of VMs",
    "host.uptime": "ask for the host's CPU time",
    "host.kvm_problem": "try KVM",
    "jobs.commit": "merge the disk {disk}",
    "jobs.of_disk": "ask for the job of the disk {disk}",
    "jobs.pivot": "finish the merge of the disk {disk}",
    "jobs.abort": "cancel a job of the VM",
    "jobs.restore": "restore the memory of {name}",
    "leases.of_network": "read DHCP leases",
    "leases.release": "release a lease",
    "networks.all": "list the networks",
    "networks.all_one": "read a network",
    "networks.get": "read a network",
    "networks.uuid_of": "find network {name}",
    "networks.define": "define network {name}",
    "networks.autostart": "set network {name} to start with the host",
    "networks.no_autostart": "set network {name} to not start with the host",
    "networks.start": "start network {name}",
    "networks.stop": "stop network {name}",
    "networks.undefine": "undefine network {name}",
    "networks.update": "{what}",
    "ports.of_network": "list the NICs on a network",
    "ports.interrupted_reconnects": "list the networks",
    "ports.prepare_reconnect": "create a temporary network to reconnect VMs",
    "ports.reconnect": "reconnect NIC {mac} of {vm}",
    "ports.end_reconnect": "remove a temporary network",
    "snapshots.names": "list the snapshots",
    "snapshots.documents": "list a VM's snapshots",
    "snapshots.take": "take the snapshot {name}",
    "snapshots.revert": "revert to the snapshot {name}",
    "snapshots.delete": "delete the snapshot {name}",
    "snapshots.define": "change the definition of the snapshot {name}",
    "pools.all": "list the pools",
    "pools.active": "list the pools",
    "pools.folder": "read pool {pool}",
    "volumes.all": "list the volumes of pool {pool}",
    "volumes.all_one": "read volume {name}",
    "volumes.get": "find volume {name} in pool {pool}",
    "volumes.at": "find the volume {path}",
    "volumes.file_size": "read the size of volume {name} in pool {pool}",
    "volumes.read": "read volume {name} of pool {pool}",
    "volumes.create": "create volume {name} in pool {pool}",
    "volumes.clone": "copy volume {source} of pool {pool} to {name}",
    "volumes.download": "download {name} of pool {pool}",
    "volumes.upload": "upload {name} into pool {pool}",
    "volumes.delete": "delete volume {name} of pool {pool}",
}

FAILURES = {
    "hypervisor.refused": "Could not {action}: {reason}",
    "hypervisor.busy": "libvirt is busy: could not {action}",
    "domains.is_off": "{name} is off",
    "domains.start_interrupted": (
        "libvirt is still starting {name}. If libvirt was killed while it started this VM, and no QEMU process of the "
        "VM runs, libvirt waits forever: stop libvirt on the hypervisor, delete /run/libvirt/qemu/{name}.xml, and "
        "start libvirt"
    ),
    "hypervisor.crowded": "waiting for other work on this hypervisor",
    "hypervisor.slow": "{call} takes longer than {seconds} s",
    "hypervisor.unreachable": "libvirt cannot be reached",
    "hypervisor.lost": "the connection to libvirt was lost",
    "hypervisor.no_daemon": "{daemon} does not run on the hypervisor; run systemctl start {daemon}.socket there",
    "hypervisor.lost_daemon": "a daemon of libvirt on the hypervisor was stopped; the portal connects to it again",
    "hypervisor.silent": "libvirt does not answer",
    "hypervisor.uri_not_allowed": "libvirt cannot be reached, because its URI is not allowed",
    "agent.silent": "the guest agent does not answer",
    "agent.slow": "{path} did not end within {seconds} s in the guest",
    "agent.refused": "the guest agent refused the request: {reason}",
    "agent.garbled": "the guest agent returned an unexpected answer",
    "pool.missing": "libvirt has no pool {pool}",
    "pool.inactive": "the pool {pool} is not active",
    "volume.owner_gone": "the VM that volume {name} belonged to is gone",
    "lease.not_released": "The lease was not released, because the portal does not run as root on the hypervisor. Run "
    "“{command}” there as root.",
    "lease.no_program": "The lease was not released, because “{command}” failed. Check that dnsmasq-utils is "
    "installed on the hypervisor, then run the command there as root.",
    "dns.remote": "Only a portal that runs on the hypervisor itself can query dnsmasq of the network.",
    "dns.namespace": "The hypervisor’s networks are in a network namespace that only root can enter.",
    "dns.silent": "No dnsmasq answers at {server}.",
    "dns.silent_ipv6": "No dnsmasq answers at {server}. While no guest is on the network, its IPv6 address cannot be "
    "used.",
    "tcp.namespace": "the hypervisor’s networks are in a network namespace that only root can enter",
    "tcp.refused": "nothing listens at {address} port {port} (connection refused)",
    "tcp.silent": "{address} does not answer",
    "tcp.no_route": "{address} does not answer: it is off the network, or the portal’s machine has no route to it",
    "tcp.jump_refused": "the portal reaches this guest only through the hypervisor, and the SSH connection to the "
    "hypervisor failed: {problem}",
    "tcp.jump_silent": "neither {address} nor the SSH server of the hypervisor answered within {seconds} s",
    "tcp.jump_forbidden": "the portal reaches this guest only through the hypervisor, whose SSH server does not allow "
    "TCP forwarding ({problem})",
}

#: Why consoles do not open.
CONSOLES = {
    "consoles.off": "{name} is not running. The console opens when it starts.",
    "consoles.starting": "{name} is starting.",
    "consoles.gone": "This hypervisor no longer has {name}: it was deleted, or it runs on another hypervisor.",
    "consoles.taken": "Another program on the hypervisor has the serial console of {name} open, such as virsh console.",
    "consoles.no_serial": "{name} has no serial console that libvirt can open. Add a serial port of the type pty.",
    "consoles.no_display": "{name} has no VNC display.",
    "consoles.no_way": "The portal cannot reach the display of {name}. It needs a hypervisor on the same machine, or "
    "one by qemu+ssh whose display listens on a TCP port.",
}

#: Why VMs are emulated, as the end of a sentence.
KVM = {
    "kvm.not_offered": "libvirt does not offer KVM",
    "kvm.no_start": "a guest with KVM does not start ({reason})",
    "kvm.stops": "a guest with KVM stops at once",
    "kvm.slow": "a guest with KVM runs slower than an emulated one",
    "kvm.idle": "a guest with KVM does nothing for {seconds} s",
}

READING = {
    "reading.no_utf8": "its name or contents are not UTF-8 text",
    "reading.invalid": "{text}",
    "internal": "internal error ({kind}), see the worker’s log",
}

add_wording(ACTIONS | FAILURES | CONSOLES | KVM | READING)
