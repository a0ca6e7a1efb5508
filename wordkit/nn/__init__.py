"""The layers of networks: recurrent layers, attention, dropout and output layers."""
