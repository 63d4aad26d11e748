"""Sign-in to the portal and its admin, by django-allauth; the profile; sessions."""
