"""How the networks are computed: fast layers, explicit gradients, precision, memory, devices."""
