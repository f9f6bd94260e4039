"""The matrix as one page: HTML without scripts, pictures as SVG inside it, nothing loaded from elsewhere.

`inputs` reads and merges the JSON files, `build` puts the sections together, one module draws each of them.
"""
