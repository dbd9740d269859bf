"""One plain function a command: it wires the pipeline, and prints nothing."""
