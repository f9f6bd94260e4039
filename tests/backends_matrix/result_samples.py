"""Result files as the matrix, the bench and the comparison of layers write them, small but with every case in them."""

import math
from itertools import combinations, product

BACKENDS = "jax", "tensorflow", "torch"
LEVELS = [
    {"name": "data", "precision": "float32", "rule": "exact", "limit": 0.0},
    {"name": "random numbers", "precision": "float32", "rule": "portable", "limit": 0.0},
    {"name": "float64 gradient", "precision": "float64", "rule": "float64", "limit": 1e-9},
    {"name": "float32 5 steps", "precision": "float32", "rule": "short", "limit": 8.0},
    {"name": "float32 trained", "precision": "float32", "rule": "typical", "limit": 8.0},
    {"name": "bfloat16 forward", "precision": "bfloat16", "rule": "bfloat16", "limit": 4.0},
    {"name": "checkpoint predictions", "precision": "float32", "rule": "exact", "limit": 0.0},
    {"name": "checkpoint resumed", "precision": "float32", "rule": "short", "limit": 8.0},
]
VARIANTS = {"plain": 1.9, "shipped": 1.3, "tuned": 1.5, "native": 1.0}


def made_with(backends=BACKENDS, device="cpu", processor="Sample CPU"):
    return [
        {
            "backend": backend,
            "device": device,
            "environment": {"backend": backend, "keras": "3.15.1", backend: "9.8.7", "processor": processor},
        }
        for backend in backends
    ]


def finding(recipe, preset, level, pair, measured, agrees=True, note="w[0] 1.0 and 1.0", name="w"):
    limit = next(each["limit"] for each in LEVELS if each["name"] == level)
    key = {"recipe": recipe, "preset": preset, "level": level, "name": name, "pair": list(pair)}
    return key | {"measured": measured, "limit": limit, "note": note, "agrees": agrees, "compared": 5, "within": 5}


def matrix(recipes=("autoencoder", "ranking"), backends=BACKENDS, device="cpu"):
    labels = [backend if device == "cpu" else f"{backend} ({device})" for backend in backends]
    sizes = {"exact": 0.0, "portable": 0.0, "float64": 3e-14, "short": 2.5, "typical": 0.4, "bfloat16": 1.2}
    alone = {"portable": "portable random numbers", "bfloat16": "float64 truth"}  # a backend judged by itself
    agreement = [
        finding(recipe, preset, level["name"], pair, sizes[level["rule"]])
        for recipe, preset, level in product(recipes, ("smoke", "smoke-other"), LEVELS)
        for pair in (
            product(labels, repeat=2)
            if "checkpoint" in level["name"]
            else product(labels, [alone[level["rule"]]])
            if level["rule"] in alone
            else combinations(labels, 2)
        )
    ]
    return {
        "kind": "matrix",
        "made_with": made_with(backends, device),
        "levels": LEVELS,
        "agreement": agreement,
        "disagreements": [],
        "known": [],
        "not_needed": [],
        "curves": [curve(recipe, label, 1e-6 * place) for recipe in recipes for place, label in enumerate(labels)],
    }


def curve(recipe, label, offset, steps=40):
    loss = [2 * math.exp(-step / 12) + 0.3 + offset * math.sin(step) for step in range(steps)]
    band = [2e-6 + 1e-7 * step for step in range(steps)]
    return {"recipe": recipe, "preset": "smoke", "backend": label, "loss": loss, "band": band}


def bench(recipes=("autoencoder", "ranking"), backends=BACKENDS, device="cpu"):
    rows = []
    for (place, recipe), (slow, backend), variant in product(enumerate(recipes), enumerate(backends), VARIANTS):
        step = (12.0 if place else 0.8) * (1 + 0.7 * slow) * VARIANTS[variant]
        rows.append({
            "recipe": recipe, "backend": backend, "variant": variant, "device": device, "processes": 5,
            "import_s": 1.5 + slow, "build_s": 0.3, "first_step_s": 1.2 - 0.5 * slow,
            "step_ms": step, "step_ms_p20": 0.97 * step, "step_ms_p80": 1.05 * step, "steps_per_epoch": 100,
            "memory_mb": 512.0, "device_memory_mb": None if device == "cpu" else 812.5,
            "ratio_to_native": VARIANTS[variant], "ratio_to_plain": VARIANTS[variant] / VARIANTS["plain"],
            "unstable": False, "counts": True, "each": [step] * 5,
        })  # fmt: skip
    about = {"kind": "bench", "threads": 1, "rounds": 5}
    return about | {"made_with": made_with(backends, device), "rows": rows}


def layers_and_ops(backends=BACKENDS, count=60):
    groups = "activations", "convolutions", "losses", "optimizers", "recurrent"
    cases = [
        {
            "case": f"operation_{index}",
            "group": groups[index % len(groups)],
            "quantity": "gradient" if index % 2 else "value",
            "precision": "float32" if index % 3 else "float64",
            "measured": dict.fromkeys(backends, 0.0 if index % 7 == 0 else 10.0 ** (-1 - index % 6)),
            "limit": 8.0,
            "known": False,
            "agrees": True,
        }
        for index in range(count)
    ]
    about = {"kind": "layers_and_ops", "made_with": made_with(backends), "cases": cases}
    return about | {"known": [], "not_needed": []}


def with_trouble():
    """Files in which each kind of trouble appears once."""
    numbers, times, cases = matrix(), bench(), layers_and_ops()
    wrong = finding(
        "ranking", "smoke", "float64 gradient", ("jax", "torch"), 2e-4, agrees=False, note="w[3, 1] 1.0 and 2.0"
    )
    usual = finding(
        "ranking", "smoke", "float32 5 steps", ("jax", "tensorflow"), "inf", agrees=False, note="w[7] 1.0 and nan"
    )
    for entry, part in ((wrong, "disagreements"), (usual, "known")):
        place = [(e["preset"], e["recipe"], e["level"], e["pair"]) for e in numbers["agreement"]].index(
            (entry["preset"], entry["recipe"], entry["level"], entry["pair"])
        )
        numbers["agreement"][place] = entry | {"within": 4}
        numbers[part].append(entry)
    numbers["not_needed"].append({"recipe": "ranking", "reason": "fixed upstream long ago"})
    times["rows"][1]["unstable"] = True
    times["rows"][6]["counts"] = False
    times["rows"][11] = {key: times["rows"][11][key] for key in ("recipe", "backend", "variant")}  # another computation
    times["rows"][11] |= {"counts": False, "difference": 0.3}
    times["rows"][9]["ratio_to_native"] = None
    times["rows"] = [
        row for row in times["rows"] if (row["recipe"], row["backend"], row["variant"]) != ("ranking", "jax", "tuned")
    ]
    cases["cases"][3] |= {
        "case": "log_softmax",
        "measured": {"jax": 0.1, "torch": 260.0},
        "known": True,
        "agrees": False,
    }
    cases["cases"][4] |= {"case": "layer_norm", "measured": {"jax": 0.1, "torch": 90.0}, "agrees": False}
    cases["known"].append({
        "title": "log_softmax loses digits", "backends": ["torch"], "severity": "precision",
        "happens": "digits vanish", "cases": ["log_softmax*"], "how_far": "inf", "prints": {"torch": "0.1"},
        "instead": "subtract the largest entry first", "reproduction": "log_softmax([1e4, 0])",
    })  # fmt: skip
    return numbers, times, cases
