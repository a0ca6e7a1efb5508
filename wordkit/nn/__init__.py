"""The layers of networks: recurrent, Transformer and output layers, attention, dropout."""
