"""The activity log: who did what with which object, from where, when, and with which result."""
