"""Which hypervisors something has changed on that pages show: counters in the database, which open pages follow."""
