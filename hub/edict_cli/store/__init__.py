"""The author's folder on disk: layout, settings, keys, signed metadata, pending changes. Every write is crash-safe."""
