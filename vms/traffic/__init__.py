"""Charts of the traffic of networks and of VMs' NICs."""
