"""What the files of surveys and telescopes mean: extensions, sibling files, bits, zero points."""
