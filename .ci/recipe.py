"""Read and render the recipe for conda, without solving its requirements, which needs a channel.

Run by `make releasable`, with py-rattler-build.
"""

from __future__ import annotations

from pathlib import Path

from rattler_build import Stage0Recipe

RECIPE = Path(__file__).parents[1] / "recipe" / "recipe.yaml"

if __name__ == "__main__":
    for variant in Stage0Recipe.from_file(RECIPE).render():
        print(f"recipe: {variant}")
