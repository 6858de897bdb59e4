"""Request + checkpoint + seed -> Artifact: finds the model, runs the room, keeps what the manifest needs."""
