"""Holds a source tree of CTFd, the stand-in's or a real one's, and the plugin to contract.json, by reading them only.

contract.py <folder that holds CTFd/> says what does not fit and fails.
"""

import ast
import json
import sys
from pathlib import Path

here = Path(__file__).parent


def names(body, keep):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            keep[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    keep[target.id] = node.value
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                keep[alias.asname or alias.name] = None
    return keep


def read(root, module):
    path = root.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return names(ast.parse(path.read_text()).body, {})


def signature(node):
    args = [one.arg for one in node.args.args]
    args += ["*" + node.args.vararg.arg] if node.args.vararg else []
    args += ["**" + node.args.kwarg.arg] if node.args.kwarg else []
    return "(%s)" % ", ".join(args)


def members(node):
    if isinstance(node, ast.Dict):
        return [key.value for key in node.keys]
    return list(names(node.body, {})) if isinstance(node, ast.ClassDef) else None


def check(root):
    contract, wrong = json.loads((here / "contract.json").read_text()), []
    contract.pop("of")
    optional = contract.pop("optional")  # what older ones of 3.8 lack
    for module, wanted in contract.items():
        if module in optional and not root.joinpath(*module.split(".")).exists():
            continue
        there = read(root, module)
        for name, shape in wanted.items():
            node = there.get(name)
            if name not in there:
                wrong.append("%s has no %s" % (module, name))
            elif isinstance(shape, str):
                if not isinstance(node, ast.FunctionDef) or signature(node) != shape:
                    wrong.append("%s.%s is not %s" % (module, name, shape))
            elif members(node) is not None:
                wrong += ["%s.%s has no %s" % (module, name, one) for one in shape if one not in members(node)]
    for file in sorted((here.parent / "whaley").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "CTFd":
                wrong += ["%s uses %s.%s, which the contract lacks" % (file.name, node.module, one.name)
                          for one in node.names if one.name not in contract.get(node.module, {})]
    return wrong


problems = check(Path(sys.argv[1]))
print("\n".join(problems))
sys.exit(bool(problems))
