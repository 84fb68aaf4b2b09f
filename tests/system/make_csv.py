#!/usr/bin/env python3
"""Writes another system's export for the import's tests: rows of invented people out of the open data of
deploy/setup/data. The same arguments give the same bytes.

    make_csv.py OUT.csv [--rows N] [--seed S] [--encoding E] [--delimiter D] [--faults N]

Every `--faults`-th row is wrong in one of five ways: no date of that kind, no whole number, no contact at all, a phone that
can't be one, and a cell too few. fault_of() tells which.
"""
import argparse
import csv
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = ["Номер", "ФИО", "Телефон", "Почта", "Город", "Дата заявки", "Сумма", "Метка", "Менеджер"]
FAULTS = ("date", "sum", "contact", "phone", "cells")
LATIN = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
                 "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya".replace("_", "").split(" ")))
FORMATS = ("8 ({0}) {1}-{2}-{3}", "+7 {0} {1}{2}{3}", "8{0}{1}{2}{3}", "+7({0}){1}-{2}-{3}", "7{0}{1}{2}{3}.0", "'8{0}{1}{2}{3}")
MAP = """name: {name}
webmaster: {webmaster}
encoding: {encoding}
delimiter: "{delimiter}"
zone: "+03:00"
id: Номер
columns:
  Номер: sub2
  ФИО: name
  Телефон: phone
  Почта: email
  Город: city
  Дата заявки: {{field: clicked_at, as: time, format: "dd.mm.yyyy hh:mm"}}
  Сумма: {{field: fields.amount, as: number}}
  Метка: sub1
  Менеджер: ""
constants:
  vertical: microloan
  country: RU
"""


def table():
    names = {}
    for line in (ROOT / ".cache/data/names.tsv").read_text(encoding="utf-8").splitlines():
        language, sex, kind, text = line.split("\t")
        if language == "ru":
            names.setdefault((sex, kind), []).append(text)
    return names


def fault_of(number, every):
    """The fault of row `number` (from 1), or None."""
    return FAULTS[number // every % len(FAULTS)] if every and number % every == 0 else None


def rows(count, seed, every):
    names, dice = table(), random.Random(seed)
    for number in range(1, count + 1):
        sex = dice.choice("mf")
        first, last, middle = (dice.choice(names[sex, kind]) for kind in ("first", "last", "patronymic"))
        digits = f"{(seed * 100_000 + number) * 7919 % 10_000_000:07d}"
        phone = dice.choice(FORMATS).format(dice.choice(("903", "916", "926", "985")), digits[:3], digits[3:5], digits[5:])
        plain = "".join(LATIN.get(c, "") for c in f"{first}{last}".lower())
        date = f"{dice.randint(1, 28):02d}.{dice.randint(1, 10):02d}.2026 {dice.randint(0, 23):02d}:{dice.randint(0, 59):02d}"
        row = [f"crm-{number}", f"{last} {first} {middle}", phone, f"{plain}{number}@example.ru", dice.choice(names["-", "city"]), date,
               f"{dice.randint(4, 200) * 500:,}".replace(",", " "), dice.choice(("весна", "лето; распродажа", 'акция "1+1"')), "Иванова"]
        fault = fault_of(number, every)
        if fault == "date":
            row[5] = "вчера"
        elif fault == "sum":
            row[6] = "много"
        elif fault == "contact":
            row[2] = row[3] = ""
        elif fault == "phone":
            row[2] = "нет телефона"
        elif fault == "cells":
            row.pop()
        yield row


def write(path, count, seed=1, encoding="utf-8", delimiter=",", every=0):
    with open(path, "w", encoding=encoding, newline="") as file:
        out = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
        out.writerow(HEADER)
        out.writerows(rows(count, seed, every))


def write_map(path, name, webmaster, encoding="utf-8", delimiter=","):
    Path(path).write_text(MAP.format(name=name, webmaster=webmaster, encoding=encoding, delimiter=delimiter), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--rows", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--delimiter", default=",")
    parser.add_argument("--faults", type=int, default=0)
    options = parser.parse_args()
    write(options.out, options.rows, options.seed, options.encoding, options.delimiter, options.faults)


if __name__ == "__main__":
    main()
