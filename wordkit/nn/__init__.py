"""What networks are made of: recurrent layers, dropout, the output layer, and their settings."""
