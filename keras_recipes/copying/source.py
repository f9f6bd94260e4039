"""A recipe's or a block's file taken apart: what it imports, what it defines, and what that uses."""

import ast
import functools
import symtable
from dataclasses import dataclass, field
from pathlib import Path

from keras_recipes.backend import backends

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
IMPORTS = (ast.Import, ast.ImportFrom)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.If)


@dataclass(frozen=True, order=True)
class Import:
    """One imported name: `import module as alias`, or `from module import name as alias`."""

    module: str
    name: str
    alias: str
    where: str = field(compare=False)

    @property
    def bound(self):
        """The name by which the importing file knows it."""
        return self.alias or self.name or self.root

    @property
    def root(self):
        """The outermost package."""
        return self.module.partition(".")[0]


@dataclass(frozen=True, eq=False)
class Definition:
    """A top-level statement: a function, a class, a constant, or an `if` around such.

    Attributes:
        source: The `Source` it is from.
        where: String `<file>:<line>`.
        first: Integer, its first line, counted from 0, comments above included.
        last: Integer, the line after its last.
        names: Frozenset of the names it defines.
        uses: Frozenset of the names it reads from its module, whenever that is.
        evaluated: Frozenset of those it reads while it is imported.
        called: Frozenset of those whose own code may run at that time.
    """

    source: "Source"
    where: str
    first: int
    last: int
    names: frozenset
    uses: frozenset
    evaluated: frozenset
    called: frozenset

    @property
    def text(self):
        """Its lines, comments above included."""
        return "\n".join(self.source.lines[self.first : self.last])


class Source:
    """A file of Python: a docstring, then imports, then definitions.

    Args:
        path: `Path` of the file.
        text: String, what it holds.
        is_recipe: Boolean. A recipe may hold any statement, a block definitions only.

    Attributes:
        path: `Path` of the file.
        lines: List of its lines.
        docstring: String, the docstring with its quotes, or "" if it has none.
        lazy_annotations: Boolean, whether annotations are left unevaluated.
        imports: List of `Import`.
        imports_end: Integer, the line after them, counted from 0.
        definitions: List of `Definition`, in the order of the file.
        main: The `Definition` that is the `if __name__ == "__main__":` at the end, or None.

    Raises:
        ValueError: If an import stands elsewhere or has no names, or if a
            block does more than define; it names file and line.
    """

    def __init__(self, path, text, is_recipe=False):
        self.path = Path(path)
        self.lines = text.splitlines()
        body = ast.parse(text, str(path)).body
        has_docstring = bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        self.docstring = (ast.get_source_segment(text, body[0]) or "") if has_docstring else ""
        begin = end = int(has_docstring)
        while end < len(body) and isinstance(body[end], IMPORTS):
            end += 1
        self.imports = [found for node in body[begin:end] for found in self.read_import(node)]
        self.lazy_annotations = any((i.module, i.name) == ("__future__", "annotations") for i in self.imports)
        self.imports_end = (body[end - 1].end_lineno or 0) if end else 0
        self.definitions = self.read_definitions(self.imports_end, body[end:], is_recipe)
        has_main = isinstance((body or [None])[-1], ast.If) and "__name__" in self.definitions[-1].evaluated
        self.main = self.definitions.pop() if has_main else None

    def where(self, node):
        """File and line of a node, for errors."""
        return f"{self.path}:{node.lineno}"

    def read_import(self, node):
        """The `Import`s of a statement."""
        if isinstance(node, ast.ImportFrom) and (node.level or node.names[0].name == "*"):
            raise ValueError(f"{self.where(node)}: an import names a package and what it takes from it, not `.` or `*`")
        for alias in node.names:
            if isinstance(node, ast.Import):
                yield Import(alias.name, "", alias.asname or "", self.where(node))
            else:
                yield Import(node.module or "", alias.name, alias.asname or "", self.where(node))

    def read_definitions(self, first, statements, is_recipe):
        """The `Definition`s among `statements`; the first may begin at line `first`."""
        definitions = []
        for node in statements:
            if not is_recipe and not isinstance(node, DEFINITIONS):
                raise ValueError(f"{self.where(node)}: a block holds imports, functions, classes and constants only")
            self.check_inner_imports(node)
            last = node.end_lineno or node.lineno
            while not self.lines[first].strip():
                first += 1
            names, uses = names_of("\n".join(self.lines[first:last]))
            evaluated, called = names_at_import(node, self.lazy_annotations)
            found = names, uses, evaluated & uses, called & uses
            definitions.append(Definition(self, self.where(node), first, last, *found))
            first = last
        return definitions

    def check_inner_imports(self, statement):
        """Only a backend may be imported below the top: the others need not be installed."""
        for node in ast.walk(statement):
            if isinstance(node, IMPORTS):
                for found in self.read_import(node):
                    if found.root not in backends():
                        raise ValueError(f"{found.where}: `{found.module}` must be imported at the top of the file")


def read_source(path, is_recipe=False):
    """The `Source` of a file; one that is as it was is not taken apart again, as most recipes share their blocks."""
    return parsed(path, path.read_text(encoding="utf-8"), is_recipe)


parsed = functools.cache(Source)


def names_of(text):
    """The names that a statement defines, and those that it reads from its module."""
    tables = [symtable.symtable(text, "<definition>", "exec")]
    names = frozenset(symbol.get_name() for symbol in tables[0].get_symbols() if symbol.is_assigned())
    uses = set()
    for table in tables:
        uses.update(symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
        tables.extend(table.get_children())
    return names, frozenset(uses - names)


def names_at_import(statement, lazy_annotations):
    """The names that a statement reads while it is imported, and those among them in calls and decorators."""
    evaluated, called = set(), set()
    pending = [(statement, False)]
    while pending:
        node, in_call = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            (called if in_call else evaluated).add(node.id)
        in_call = in_call or isinstance(node, ast.Call)
        pending += [(child, in_call) for child in parts_at_import(node, in_call, lazy_annotations)]
        pending += [(decorator, True) for decorator in getattr(node, "decorator_list", [])]
    return frozenset(evaluated | called), frozenset(called)


def parts_at_import(node, in_call, lazy_annotations):
    """The children of a node that Python evaluates when it imports it, decorators apart."""
    if isinstance(node, ast.AnnAssign) and lazy_annotations:
        parts = [node.target, node.value]
    elif isinstance(node, FUNCTIONS):
        parts = [*node.args.defaults, *node.args.kw_defaults]
        if not lazy_annotations:
            parts += [child.annotation for child in ast.walk(node.args) if isinstance(child, ast.arg)] + [node.returns]
    elif isinstance(node, ast.Lambda) and not in_call:  # a call may run the body of a lambda it is given
        parts = [*node.args.defaults, *node.args.kw_defaults]
    else:
        parts = ast.iter_child_nodes(node)
    return [part for part in parts if part is not None]
