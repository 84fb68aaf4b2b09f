#!/usr/bin/env python3
"""Writes the tables of sample traffic, and the licence of each source beside them. Runs in the environment that
deploy/setup/data made; the same versions give the same bytes.

names.tsv        language, sex (m, f, -), kind (first, last, patronymic, city), text     mimesis
name-words.tsv   word, small letters, of names in Latin and Cyrillic of many languages     mimesis
user-agents.tsv  os, text                                                                fake-useragent
crawlers.tsv     text                                                                    crawler-user-agents
agent-patterns.tsv  kind (crawler, automation, library), expression                      crawler-user-agents
networks.tsv     country, network (each of 4,096 addresses) of homes and phones          iptocc, and .cache/ip/homes.tsv
"""
import importlib.metadata
import importlib.resources
import ipaddress
import json
import re
import sys
from pathlib import Path

from iptocc import country_code

COUNTRIES = {"RU": 600, "KZ": 200, "BY": 200, "US": 300}  # and how many networks at most
# What the sender reports as the operating system, by what the source calls it.
SYSTEMS = {"Android": "Android", "iOS": "iOS", "Windows": "Windows", "Mac OS X": "macOS", "Linux": "Linux", "Ubuntu": "Linux",
           "Chrome OS": "ChromeOS"}
USER_AGENTS_PER_SYSTEM = 600
# Whose names teach the filter worker what names look like.
NAME_LANGUAGES = ("az", "cs", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "is", "it", "kk", "nl", "no", "pl", "pt", "ru",
                  "sk", "sv", "tr", "uk")
# Russian letters as passports spell them (ICAO Doc 9303), for those who write their names in Latin.
IN_LATIN = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
                    "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y  e iu ia".split(" ")))


def resource(package, *path):
    return importlib.resources.files(package).joinpath(*path).read_text(encoding="utf-8")


def write(folder, name, rows):
    rows = list(dict.fromkeys(rows))
    text = "".join("\t".join(row) + "\n" for row in rows)
    assert all("\t" not in cell and cell == cell.strip() and cell for row in rows for cell in row), name
    (folder / name).write_text(text, encoding="utf-8")


def names():
    for language in ("ru", "en"):
        person = json.loads(resource("mimesis", "datasets", language, "person.json"))
        city = json.loads(resource("mimesis", "datasets", language, "address.json"))["city"]
        surnames = person["surnames"]
        if isinstance(surnames, list):
            surnames = {"male": surnames, "female": surnames}
        groups = (("first", person["names"]), ("last", surnames), ("patronymic", person.get("patronymic", {})))
        for kind, by_sex in groups:
            for sex in ("male", "female"):
                for text in sorted(set(by_sex.get(sex, []))):
                    if re.fullmatch(r"[^\W\d_]+([-'][^\W\d_]+)?", text):
                        yield language, sex[0], kind, text
        for text in sorted(set(city)):
            yield language, "-", "city", text


def texts(node):
    for value in node.values() if isinstance(node, dict) else ():
        yield from texts(value)
    for value in node if isinstance(node, list) else ():
        yield value


def name_words():
    words = set()
    for language in NAME_LANGUAGES:
        person = json.loads(resource("mimesis", "datasets", language, "person.json"))
        for kind in ("names", "surnames", "patronymic"):
            for text in texts(person.get(kind, [])):
                words.update(re.findall(r"[^\W\d_]+", text.lower()))
    words.update("".join(IN_LATIN[c] for c in word) for word in list(words) if set(word) <= set(IN_LATIN))
    for word in sorted(word for word in words if len(word) > 1):
        yield (word,)


def user_agents():
    found = {}
    for line in resource("fake_useragent", "data", "browsers.jsonl").splitlines():
        row = json.loads(line)
        text = row["useragent"].strip()
        if row["os"] in SYSTEMS and "\t" not in text and len(text) < 512:
            found.setdefault(SYSTEMS[row["os"]], {})[text] = row["percent"]
    for system in sorted(found):
        ranked = sorted(found[system], key=lambda text: (-found[system][text], text))
        for text in ranked[:USER_AGENTS_PER_SYSTEM]:
            yield system, text


def crawlers():
    for row in json.loads(resource("crawleruseragents", "crawler-user-agents.json")):
        for text in row["instances"][:2]:
            text = text.strip()
            if text and len(text) < 512 and text.isprintable():
                yield (text,)


def agent_patterns():
    """What the source calls browser-automation and http-library apart from the crawlers. No remark, no blank at an end."""
    for row in json.loads(resource("crawleruseragents", "crawler-user-agents.json")):
        tags = row.get("tags") or ()
        kind = "automation" if "browser-automation" in tags else "library" if "http-library" in tags else "crawler"
        yield kind, re.sub(r"^ | $", "[ ]", row["pattern"]).replace(" #", " [#]")


def networks(homes):
    """Networks of homes whose first, middle and last address belong to the country for the second source as well."""
    found = {country: [] for country in COUNTRIES}
    for line in homes.read_text(encoding="utf-8").splitlines():
        country, text = line.split("\t")
        network = ipaddress.ip_network(text)
        if set(country_code([str(network[a]) for a in (0, network.num_addresses // 2, -1)])) == {country}:
            found[country].append(text)
    for country, most in COUNTRIES.items():
        every = max(1, len(found[country]) // most)
        for text in found[country][::every][:most]:
            yield country, text


def licences(folder):
    folder.mkdir()
    for line in (Path(__file__).parent / "requirements.txt").read_text().split():
        name = line.split("==")[0]
        texts = [f for f in importlib.metadata.files(name) if re.search(r"\.dist-info/(licenses/)?LICEN[CS]E", str(f))]
        assert texts, f"{name} brings no licence"
        for text in texts:
            (folder / f"{name}-{text.name}.txt").write_text(text.locate().read_text(encoding="utf-8"), encoding="utf-8")


def main():
    folder = Path(sys.argv[1])
    write(folder, "names.tsv", names())
    write(folder, "name-words.tsv", name_words())
    write(folder, "user-agents.tsv", user_agents())
    write(folder, "crawlers.tsv", crawlers())
    write(folder, "agent-patterns.tsv", agent_patterns())
    write(folder, "networks.tsv", networks(Path(sys.argv[2])))
    licences(folder / "licences")


main()
