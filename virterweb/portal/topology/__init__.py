"""The topology: networks as lines, VMs as columns, a dot for each NIC. Also as text for other programs."""
