"""What makes or fetches the files that come with the package, and compares them."""
