#!/usr/bin/env python3
"""make.py GENAI LITELLM [-o BOOK] - writes the price book from public price data.

GENAI is the provider table of the package genai-prices as JSON (MIT): prices, tiers, dates, variants. LITELLM is
litellm's model_prices_and_context_window.json (MIT): the output limits, which the first lacks. The book's format is
explained in ../README.md. Names that the gateway's plugins and services have are the first column of NAMES.
"""

import argparse
import json
import re
from decimal import ROUND_HALF_UP, Decimal

# Price key of the data -> unit of the book.
UNITS = {
    "input_mtok": "input", "output_mtok": "output", "cache_read_mtok": "cache_read", "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h", "output_reasoning_mtok": "reasoning", "input_audio_mtok": "audio_in",
    "output_audio_mtok": "audio_out", "cache_audio_read_mtok": "cache_audio", "input_image_mtok": "image_in",
    "output_image_mtok": "image_out", "cache_image_read_mtok": "cache_image", "input_video_mtok": "video_in",
    "output_video_mtok": "video_out", "output_citation_mtok": "citation", "requests_kcount": "request",
    "web_searches_kcount": "web_search", "storage_searches_kcount": "storage_search",
    "input_document_kpages": "page", "input_annotated_document_kpages": "annotated_page", "input_mchars": "character",
    "audio_hours": "audio_second", "input_audio_hours": "audio_second", "input_text_messages_kcount": "message",
}

# Id in the data -> names of our plugins and services.
NAMES = {
    "x-ai": ["xai"], "moonshotai": ["moonshot"], "google": ["gemini", "vertex"], "aws": ["bedrock"],
    "voyageai": ["voyage"], "huggingface_together": ["huggingface"], "zai": ["z-ai"], "zhipuai": ["zhipu"],
}

NANO = Decimal("0.000000001")


def price(value):
    """USD, exact to the nano-dollar for the unit's own count (a million tokens); the data has floats' noise behind that."""
    exact = Decimal(str(value)).quantize(NANO, rounding=ROUND_HALF_UP)
    written = int(exact) if exact == int(exact) else float(exact)
    if "e" in str(written) or Decimal(str(written)) != exact:
        raise SystemExit(f"a price that a JSON number does not hold exactly: {value}")
    return written


def prices(raw):
    made = {}
    for key, value in raw.items():
        if isinstance(value, dict):
            tiers = sorted(value["tiers"], key=lambda tier: tier["start"])
            value = [price(value["base"])] + [[tier["start"], price(tier["price"])] for tier in tiers]
        else:
            value = price(value)
        unit = UNITS[key]
        if made.setdefault(unit, value) != value:
            raise SystemExit(f"two prices for {unit}: {raw}")
    return made


def clock(text):
    """"01:00:00Z" -> "01:00"."""
    found = re.fullmatch(r"(\d\d:\d\d):00Z", text)
    if not found:
        raise SystemExit(f"a time of day that is not whole minutes of UTC: {text}")
    return found[1]


def conditional(raw):
    made = {}
    constraint = raw.get("constraint") or {}
    if "start_date" in constraint:
        made["from"] = constraint["start_date"]
    if "start_time" in constraint:
        made["between"] = [clock(constraint["start_time"]), clock(constraint["end_time"])]
    made["usd"] = prices(raw["prices"])
    return made


def posix(pattern):
    """Python's regular expression -> (POSIX extended, is it negated)."""
    negated = False
    inside = re.fullmatch(r"\^\(\?!\.\*(.*)\)", pattern)
    if inside:
        negated, pattern = True, inside[1]
    pattern = pattern.replace("(?:", "(").replace(r"\d", "[0-9]")
    if "(?" in pattern or re.search(r"\\[a-zA-Z]", pattern):
        raise SystemExit(f"a regular expression that POSIX lacks: {pattern}")
    return pattern.lower(), negated


def rules(match):
    """A list of alternatives; each is a rule, or a list of rules that must all hold."""
    (kind, value), = match.items()
    if kind == "or":
        return [rule for part in value for rule in rules(part)]
    if kind == "and":
        parts = [rules(part) for part in value]
        if any(len(part) != 1 for part in parts):
            raise SystemExit(f"alternatives inside a conjunction: {match}")
        return [[part[0] for part in parts]]
    if kind == "regex":
        pattern, negated = posix(value)
        return [("!" if negated else "") + "~" + pattern]
    return [{"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "*"}[kind] + value.lower()]


def limits(litellm):
    """Model name -> most output tokens."""
    made = {}
    for name, entry in litellm.items():
        most = entry.get("max_output_tokens")
        if isinstance(most, int) and most > 0:
            made[name.lower()] = most
    return made


def model(raw, provider, most):
    made = {"id": raw["id"], "match": rules(raw["match"])}
    if raw.get("context_window"):
        made["window"] = raw["context_window"]
    for name in (f"{provider}/{raw['id']}".lower(), raw["id"].lower()):
        if name in most:
            made["max_output"] = most[name]
            break
    listed = raw["prices"] if isinstance(raw["prices"], list) else [{"prices": raw["prices"]}]
    made["prices"] = [conditional(entry) for entry in listed]
    if raw.get("price_variants"):
        made["variants"] = [{"when": entry["when"], **conditional(entry)} for entry in raw["price_variants"]]
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("genai")
    parser.add_argument("litellm")
    parser.add_argument("-o", "--output", default="prices.json")
    parser.add_argument("--date", required=True, help="of the data: YYYY-MM-DD")
    options = parser.parse_args()
    with open(options.genai, encoding="utf-8") as file:
        data = json.load(file, parse_float=Decimal)
    with open(options.litellm, encoding="utf-8") as file:
        most = limits(json.load(file))

    def line(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    with open(options.output, "w", encoding="utf-8") as out:
        out.write(f'{{"format":1,"date":{line(options.date)},"providers":[\n')
        for at, provider in enumerate(data):
            names = [provider["id"]] + NAMES.get(provider["id"], [])
            head = {"id": provider["id"], "names": names}
            if provider.get("fallback_model_providers"):
                head["else"] = provider["fallback_model_providers"]
            out.write(line(head)[:-1] + ',"models":[\n')
            out.write(",\n".join(line(model(raw, provider["id"], most)) for raw in provider["models"]))
            out.write("]}" + (",\n" if at + 1 < len(data) else "\n"))
        out.write("]}\n")


if __name__ == "__main__":
    main()
