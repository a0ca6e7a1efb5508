"""Training of networks: settings, schedules, optimizers, the loop and its checkpoints."""
