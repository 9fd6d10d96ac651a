"""Features of stamps from the networks of a detector, and stamps with similar ones."""
