"""How the networks are computed: layers, gradients, precision, devices."""
