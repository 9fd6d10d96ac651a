"""WCS of images and stamps, and conversion between pixels and the sky."""
