"""What decoding costs, side by side with what a user would use instead. Figures of the machine it runs on."""
