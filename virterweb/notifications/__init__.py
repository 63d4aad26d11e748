"""Notifications about chosen entries of the activity log: signed webhooks, and e-mails."""
