"""How networks are trained: settings, schedules, optimizers, the loop and its checkpoints."""
