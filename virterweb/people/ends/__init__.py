"""End dates: when networks and VMs are stopped, and later deleted, unless somebody extends them."""
