"""Areas of zeros in images: where they are, and what surrounds them."""
