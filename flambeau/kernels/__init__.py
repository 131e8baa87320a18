"""What the compiler asks of a device, and what a device must offer."""
