"""Sets of stamps from other objects than one image."""
