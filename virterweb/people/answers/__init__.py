"""What other parts ask of the rights: Django of permissions, the activity log of its entries."""
