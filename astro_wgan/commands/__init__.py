"""Commands of the program astro-wgan, and options that several of them share."""
