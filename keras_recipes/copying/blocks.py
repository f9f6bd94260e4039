"""Which blocks a recipe needs, and in which order they can stand in one file with it."""

from keras_recipes.copying.source import Definition, Import, read_source

PACKAGE_NAME = "keras_recipes"
NEIGHBOURS = ("recipes", "backends_matrix")  # of the package; a copy lives without them


class Blocks:
    """What a recipe needs besides itself.

    Args:
        recipe: `Source` of the recipe.
        package: `Path` of the folder that is imported as `keras_recipes`.

    Attributes:
        first: List of `Definition`, those that Python must know before it
            reads the recipe, each after what it needs itself.
        rest: List of `Definition`, the others, in such an order, too.
        imports: List of `Import`, what recipe and blocks import from elsewhere.

    Raises:
        ValueError: If an import breaks a rule; it names file and line.
    """

    def __init__(self, recipe, package):
        self.recipe, self.package = recipe, package
        self.sources = {recipe.path: recipe}
        check_imports(recipe)
        used = self.reachable([*recipe.definitions, *([recipe.main] if recipe.main else [])])
        definitions = [found for found in used if isinstance(found, Definition)]
        sources = dict.fromkeys(definition.source for definition in definitions)
        self.imports = [found for found in used if isinstance(found, Import)]
        self.imports += [found for source in sources for found in source.imports if found.module == "__future__"]
        blocks = sorted((found for found in definitions if found.source is not recipe), key=position)
        seen = set()
        self.first = self.in_order(recipe.definitions, seen)
        self.rest = self.in_order(blocks, seen)

    def load(self, found):
        """The `Source` from which an `Import` takes a block, its rules checked."""
        path = self.package.joinpath(*found.module.split(".")[1:])
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not path.is_file():
            raise ValueError(f"{found.where}: there is no module `{found.module}`")
        if path not in self.sources:
            self.sources[path] = read_source(path)
            check_imports(self.sources[path])
        return self.sources[path]

    def meaning(self, source, name):
        """What a name stands for in a file: a list of its `Definition` or `Import`s, empty for a builtin."""
        meanings = [definition for definition in source.definitions if name in definition.names]
        for found in source.imports:
            if found.bound == name and found.root == PACKAGE_NAME:
                blocks = self.meaning(self.load(found), found.name)
                if not blocks:
                    raise ValueError(f"{found.where}: `{found.module}` defines no `{name}`; modules can't be imported")
                meanings += blocks
            elif found.bound == name:
                meanings.append(found)
        return meanings

    def reachable(self, start):
        """A list of all that the definitions in `start` use, whenever, and these themselves."""
        reached = list(start)
        for item in reached:
            if isinstance(item, Definition):
                for name in sorted(item.uses):
                    reached += [found for found in self.meaning(item.source, name) if found not in reached]
        return reached

    def needs(self, definition):
        """The definitions that must come before another one, those that these need apart.

        That is what it reads while it is imported, and for what it calls at
        that time, such as a dataclass with a `__post_init__`, all that this uses.
        """
        read, called = (
            [found for name in names for found in self.meaning(definition.source, name)]
            for names in (definition.evaluated, definition.called)
        )
        needs = {found for found in [*read, *self.reachable(called)] if isinstance(found, Definition)}
        return sorted(needs, key=position)

    def in_order(self, definitions, seen):
        """The blocks among `definitions` and what they need, each after its own needs, without those `seen` before."""
        order = []
        for definition in definitions:
            if definition not in seen:
                seen.add(definition)
                order += self.in_order(self.needs(definition), seen)
                order += [definition] if definition.source is not self.recipe else []
        return order


def position(definition):
    """Sorts definitions by file and line."""
    return str(definition.source.path), definition.first


def check_imports(source):
    """Raise ValueError if a file imports what its copy could not take along."""
    for found in source.imports:
        if found.root in NEIGHBOURS:
            raise ValueError(f"{found.where}: a copy could not import `{found.module}`")
        if found.root == PACKAGE_NAME and not found.name:
            raise ValueError(f"{found.where}: write `from {found.module} import` and the names")
        if found.root == PACKAGE_NAME and found.alias not in ("", found.name):
            raise ValueError(f"{found.where}: `{found.name}` must keep its name")


def check_names(items):
    """Raise ValueError if a name has two meanings among definitions and imports."""
    owners = {}
    for item in items:
        for name in item.names if isinstance(item, Definition) else [item.bound]:
            # `import a` and `import a.b` bind the same module
            is_module = isinstance(item, Import) and not item.name and not item.alias
            meaning = item.root if is_module else item
            owner, where = owners.setdefault(name, (meaning, item.where))
            if owner != meaning:
                raise ValueError(f"{item.where}: `{name}` has another meaning in {where}")
