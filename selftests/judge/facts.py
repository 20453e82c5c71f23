#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""facts.py FILE prints a verdict.json as the "key: value" lines of expect files.

facts.py --beside FILE... writes FILE.facts beside each.
"""
import json
import sys


def facts(path):
    with open(path, encoding="utf-8") as f:
        v = json.load(f)
    splats = v.get("console", {}).get("splats", [])
    out = [("verdict", v["verdict"]), ("title", v["title"]), ("exit", v["exit"])]
    out += [("splats", "|".join(s["title"] for s in splats))]
    out += [("folded", "|".join(s["title"] for s in splats if s.get("consequence")))]
    out += [("count", f"{s['count']} {s['title']}") for s in splats]
    out += [("line", f"{s['line']} {s['title']}") for s in splats]
    out += [("failures", len(v.get("failures", [])))]
    out += [("failure", f["title"]) for f in v.get("failures", [])]
    out += [("source", f["source"]) for f in v.get("failures", [])]
    out += [("known", k["name"]) for k in v.get("known", []) if isinstance(k, dict)]
    for key in ("reason", "note", "skip"):
        out += [(key, text) for text in v.get(key + "s", [])]
    out += [("counter", f"{k} {n}") for k, n in v.get("counters", {}).items()]
    out += [("engine", f"{k} {json.dumps(e, sort_keys=True)}")
            for k, e in v.get("engines", {}).items()]
    out += [("counts", f"{k} {n}") for k, n in v.get("counts", {}).items()]
    return "".join(f"{k}: {text}".rstrip() + "\n" for k, text in out)


if sys.argv[1] != "--beside":
    sys.stdout.write(facts(sys.argv[1]))
else:
    for name in sys.argv[2:]:
        with open(name + ".facts", "w", encoding="utf-8") as to:
            to.write(facts(name))
