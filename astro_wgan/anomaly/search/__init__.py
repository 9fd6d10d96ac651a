"""The search in latent space for the closest image that a generator can make."""
