"""Rights for other parts: permissions for Django, visible entries for the activity log."""
