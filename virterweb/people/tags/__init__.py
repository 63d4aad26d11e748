"""Tags of networks and VMs."""
