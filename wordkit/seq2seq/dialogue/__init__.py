"""Dialogue models: answers that know what was said before.

::

    train, valid = split_dialogues(read_dialogues(source), 0.1, seed=1)
    model = iter_train_dialogue(train, DialogueConfig(), valid=valid).result()
    chat = model.chat()
    print(chat.say("hello"))

Each name is loaded when it is first used, so that settings can be asked for without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordkit.seq2seq.dialogue.chat import Chat, TurnWeight, answers
    from wordkit.seq2seq.dialogue.config import DialogueConfig, DialogueTrainingConfig
    from wordkit.seq2seq.dialogue.dialogues import Dialogue, read_dialogues, split_dialogues
    from wordkit.seq2seq.dialogue.evaluation import iter_evaluate_dialogues
    from wordkit.seq2seq.dialogue.model import (
        DialogueModel,
        load_dialogue_model,
        save_dialogue_model,
    )
    from wordkit.seq2seq.dialogue.training import (
        DialogueCheckpoint,
        iter_train_dialogue,
        read_dialogue_checkpoint,
        train_dialogue,
    )

_MODULES = {
    "chat": ("Chat", "TurnWeight", "answers"),
    "config": ("DialogueConfig", "DialogueTrainingConfig"),
    "dialogues": ("Dialogue", "read_dialogues", "split_dialogues"),
    "evaluation": ("iter_evaluate_dialogues",),
    "model": ("DialogueModel", "load_dialogue_model", "save_dialogue_model"),
    "training": (
        "DialogueCheckpoint", "iter_train_dialogue", "read_dialogue_checkpoint", "train_dialogue",
    ),
}  # fmt: skip

__all__ = [
    "Chat", "Dialogue", "DialogueCheckpoint", "DialogueConfig", "DialogueModel",
    "DialogueTrainingConfig", "TurnWeight", "answers", "iter_evaluate_dialogues",
    "iter_train_dialogue", "load_dialogue_model", "read_dialogue_checkpoint", "read_dialogues",
    "save_dialogue_model", "split_dialogues", "train_dialogue",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
