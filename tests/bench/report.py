"""report.py - medians, ratios and goals, as a table and as JSON."""

import statistics

SYSTEMS = ("direct", "nginx", "nginx+", "gateway")


def summary(values):
    values = [v for v in values if v is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def verdict(goal, got, ratio):
    value = ratio if goal.kind == "ratio" else got["median"] if got else None
    if value is None:
        return None
    return "ok" if value <= goal.limit else "short"


def paired(got):
    """The ratio in each round by itself, where every round gave both."""
    ours, theirs = got["gateway"]["values"], got["nginx"]["values"]
    return [a / b for a, b in zip(ours, theirs)] if len(ours) == len(theirs) and all(theirs) else None


def line_of(case, line, figures):
    """`figures`: system -> list, one dict of figures a round."""
    got = {s: summary([f.get(line.figure) for f in figures.get(s, [])]) for s in SYSTEMS}
    ratio = None
    if line.ratio and got["gateway"] and got["nginx"] and got["nginx"]["median"] > 0:
        ratio = got["gateway"]["median"] / got["nginx"]["median"]
    out = {"case": case.name, "figure": line.figure, "label": line.label, "unit": line.unit, "how": case.how, "ratio": ratio,
           "ratio_of_rounds": paired(got) if ratio is not None else None, "digits": line.digits, "systems": {s: g for s, g in got.items() if g}}
    if line.goal:
        sign = "x" if line.goal.kind == "ratio" else line.unit
        out["goal"] = f"<= {line.goal.limit:g} {sign}".replace(" x", "x")
        out["verdict"] = verdict(line.goal, got["gateway"], ratio)
    return out


def derived(lines):
    """Lines that come from two others: what a proxy adds to the direct way, and many in flight against few."""
    by_name = {(x["case"], x["figure"]): x for x in lines}

    def median(case, figure, system):
        got = by_name.get((case, figure), {}).get("systems", {}).get(system)
        return got and got["median"]

    more = []
    for p in ("p50", "p99"):
        base, systems = median("rate", p, "direct"), {}
        for s in SYSTEMS[1:]:
            value = median("rate", p, s)
            if base is not None and value is not None:
                systems[s] = {"median": value - base}
        if systems:
            more.append({"case": "rate", "figure": "added_" + p, "label": "added to direct, " + p, "unit": "us", "digits": 1,
                         "how": "difference of the medians of both", "ratio": None, "systems": systems})
    systems = {}
    for s in SYSTEMS[1:]:
        few, many = median("inflight200", "cpu", s), median("inflight8000", "cpu", s)
        if few and many:
            systems[s] = {"median": many / few}
    if systems:
        line = {"case": "inflight8000", "figure": "against_200", "label": "CPU per request against 200 in flight", "unit": "x", "digits": 2,
                "how": "quotient of the medians of both", "ratio": None, "systems": systems, "goal": "<= 1.5x", "verdict": None}
        if "gateway" in systems:
            line["verdict"] = "ok" if systems["gateway"]["median"] <= 1.5 else "short"
        more.append(line)
    return more


def cell(got, digits):
    if not got:
        return "-"
    text = f"{got['median']:,.{digits}f}"
    if "min" in got and got["min"] != got["max"]:
        text += f" [{got['min']:,.{digits}f} {got['max']:,.{digits}f}]"
    return text


def table(cases, lines):
    """Text: a block for each case, a row for each figure: median [min max] of the rounds."""
    rows = []
    for case in cases:
        own = [x for x in lines if x["case"] == case.name]
        if not own:
            continue
        rows.append(f"\n{case.name}: {case.title}\n  ({case.how})")
        rows.append(f"  {'':<42}{''.join(f'{s:>27}' for s in SYSTEMS)}  {'/ nginx':>7}  {'goal':<13}")
        for x in own:
            label = f"{x['label']}, {x['unit']}" if x["unit"] else x["label"]
            if len(label) > 42:
                rows.append("  " + label)
                label = ""
            cells = "".join(f" {cell(x['systems'].get(s), x['digits']):>26}" for s in SYSTEMS)
            ratio = f"{x['ratio']:.2f}x" if x["ratio"] is not None else ""
            rows.append(f"  {label:<42}{cells}  {ratio:>7}  {x.get('goal', ''):<13}{x.get('verdict') or ''}".rstrip())
    return "\n".join(rows)


def goals(lines):
    """One line: which goals were reached."""
    met = [x for x in lines if x.get("verdict") == "ok"]
    short = [x for x in lines if x.get("verdict") == "short"]
    text = f"goals: {len(met)} ok, {len(short)} short"
    for x in short:
        text += f"\n  short: {x['case']}: {x['label']}: {cell(x['systems'].get('gateway'), x['digits'])} {x['unit']}"
        text += f", {x['ratio']:.2f}x nginx" if x["ratio"] is not None else ""
        text += f" (goal {x['goal']})"
    return text
