"""Memory, vCPUs and pools of hypervisors, and whether new VMs fit."""
