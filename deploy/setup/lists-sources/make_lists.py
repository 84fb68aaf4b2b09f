#!/usr/bin/env python3
"""Writes the filters' lists, and the licence of each source beside them, out of the packages that deploy/setup/lists fetched.
They are opened as archives, and nothing in them is run; the same versions give the same bytes.

disposable_domains.txt   disposable-email-domains
doubtful_domains.txt     mailchecker, without those of the above, and without slips beside big domains: a person who slips is no cheat
free_domains.txt         free-email-domains, without the disposable ones
role_mailboxes.txt       role-based-email-addresses
disposable_phones.txt    @ip1sms/disposable-phone-numbers, each with the day on which it was last seen
profanity.txt            badwords-py: single words, English and Russian
"""
import ast
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
MAILBOX = re.compile(r"[a-z0-9][a-z0-9._-]*")
WORD = re.compile(r"[a-z]{3,}|[а-яё]{3,}")
LICENCE = re.compile(r"(^|/)(LICENSE|NOTICE)[^/]*$", re.IGNORECASE)
# Fewer of them, and a source is not what it was.
LEAST = {"disposable_domains": 5000, "doubtful_domains": 20000, "free_domains": 2000, "role_mailboxes": 300,
         "disposable_phones": 50000, "profanity": 2000}


class Package:
    """A wheel or an npm package by the beginning of its file's name."""

    def __init__(self, folder, begins):
        self.name = begins
        (self.path,) = folder.glob(f"{begins}-[0-9]*")
        if self.path.suffix == ".whl":
            archive = zipfile.ZipFile(self.path)
            self.files = {name: archive.read(name) for name in archive.namelist()}
        else:
            archive = tarfile.open(self.path)
            self.files = {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}

    def text(self, ending):
        (name,) = (name for name in self.files if name.endswith(ending))
        return self.files[name].decode("utf-8")

    def licences(self):
        found = {name: text for name, text in self.files.items() if LICENCE.search(name)}
        assert found, f"{self.path.name} brings no licence"
        return found


def assigned(text, variable):
    """The strings of a set that a Python module gives the name to."""
    for node in ast.walk(ast.parse(text)):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == variable:
            return {c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
    raise SystemExit(f"make_lists: there is no {variable}")


def quoted(text):
    """The strings of a JavaScript module that has little else."""
    return {match[2] for match in re.finditer(r"""(['"])([^'"\\\n]+)\1""", text)}


def such(pattern, texts):
    return {t for t in (text.strip().lower() for text in texts) if pattern.fullmatch(t)}


def slips(a, b):
    """One letter too many, too few or wrong, or two that changed places."""
    front = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    a, b = a[front:], b[front:]
    return a[1:] == b or a == b[1:] or a[1:] == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def phones(text):
    for number, day in json.loads(text).items():
        if re.fullmatch(r"[1-9][0-9]{6,14}", number) and re.fullmatch(r"20\d\d-\d\d-\d\d", day):
            yield f"+{number} {day}"


def main():
    packages, folder = Path(sys.argv[1]), Path(sys.argv[2])
    big = such(DOMAIN, (line.split("#")[0] for line in Path(sys.argv[3]).read_text(encoding="utf-8").splitlines()))
    disposable, free, mailchecker, roles, numbers, words = sources = [
        Package(packages, begins) for begins in ("disposable_email_domains", "free_email_domains", "mailchecker",
                                                 "role-based-email-addresses", "ip1sms-disposable-phone-numbers",
                                                 "badwords_py")]
    sure = such(DOMAIN, assigned(disposable.text("disposable_email_domains/__init__.py"), "blocklist"))
    lists = {
        "disposable_domains": sure,
        "doubtful_domains": {domain for domain in such(DOMAIN, quoted(mailchecker.text("platform/node/index.js"))) - sure
                             if not any(slips(domain, name) for name in big)},
        "free_domains": such(DOMAIN, assigned(free.text("free_email_domains/__init__.py"), "whitelist")) - sure,
        "role_mailboxes": such(MAILBOX, quoted(roles.text("src/index.js"))),
        "disposable_phones": set(phones(numbers.text("number-list.json"))),
        "profanity": such(WORD, (words.text("words/en.txt") + "\n" + words.text("words/ru.txt")).splitlines()),
    }
    (folder / "licences").mkdir(parents=True)
    for name, entries in lists.items():
        assert len(entries) >= LEAST[name], f"{name}: only {len(entries)}"
        (folder / f"{name}.txt").write_text("".join(f"{entry}\n" for entry in sorted(entries)), encoding="utf-8")
    for package in sources:
        for name, text in package.licences().items():
            (folder / "licences" / f"{package.name}-{name.split('/')[-1].removesuffix('.txt')}.txt").write_bytes(text)


main()
