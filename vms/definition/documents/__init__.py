"""What is done to whole domain documents: passwords taken out and put in, values of a duplicate. Pure."""
