"""Commands that make or fetch the files that come with the package."""
