#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prints a verdict.json as the "key: value" lines that expect files use."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as f:
    v = json.load(f)

splats = v.get("console", {}).get("splats", [])
facts = [("verdict", v["verdict"]), ("title", v["title"]), ("exit", v["exit"])]
facts += [("splats", "|".join(s["title"] for s in splats))]
facts += [("folded", "|".join(s["title"] for s in splats if s.get("consequence")))]
facts += [("count", f"{s['count']} {s['title']}") for s in splats]
facts += [("line", f"{s['line']} {s['title']}") for s in splats]
facts += [("failure", f["title"]) for f in v.get("failures", [])]
facts += [("known", k["name"]) for k in v.get("known", []) if isinstance(k, dict)]
for key in ("reason", "note", "skip"):
    facts += [(key, text) for text in v.get(key + "s", [])]
for key, value in v.get("counters", {}).items():
    facts.append(("counter", f"{key} {value}"))
for key, value in v.get("engines", {}).items():
    facts.append(("engine", f"{key} {json.dumps(value, sort_keys=True)}"))
for key, value in v.get("counts", {}).items():
    facts.append(("counts", f"{key} {value}"))
for key, value in facts:
    print(f"{key}: {value}".rstrip())
