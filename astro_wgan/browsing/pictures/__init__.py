"""Pictures of sources: input, closest image, residual and contribution, and sheets of many."""
