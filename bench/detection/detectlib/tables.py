"""What made-up leads are made of: open data that set-up fetches (.cache/data), and the address ranges beside this package."""
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / ".cache/data"
PUBLIC_PHONES = ROOT / ".cache/lists/sources/disposable_phones.txt"
NETWORKS = Path(__file__).resolve().parents[1] / "networks.tsv"

_LATIN = dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
                  ("a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f",
                   "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya")))

# What word lists of Russian names leave out: people of other nations who live here, and Russians of rare names.
RARE_FIRST = {"m": ("Нгуен", "Ашот", "Гиви", "Рамзан", "Умалат", "Нюргун", "Айаал", "Баир", "Чингис", "Дьулус", "Фархад", "Джамшед",
                    "Хуршед", "Бекзод", "Шерзод", "Отабек", "Азамат", "Тамерлан", "Аркадий", "Никодим", "Вахтанг", "Зураб", "Мурад",
                    "Эльчин", "Вугар", "Ли", "Чан", "Абдул", "Мухаммад", "Жан"),
              "f": ("Сайыына", "Туйаара", "Айталина", "Оюна", "Дарима", "Гульчачак", "Зухра", "Патимат", "Хадижат", "Мадина", "Нино",
                    "Кетеван", "Ануш", "Сатеник", "Нигора", "Дилфуза", "Шахноза", "Зебо", "Лейла", "Айгуль", "Тхи", "Мэй", "Фотиния",
                    "Епистимия", "Хриша", "Ия", "Ева", "Жанна", "Гюльнара", "Эльмира")}
RARE_LAST = ("Нгуен", "Чжан", "Ким", "Цой", "Пак", "Мкртчян", "Тер-Петросян", "Хачатрян", "Гваришвили", "Мгеладзе", "Джугашвили",
             "Ыйдыр", "Оюн", "Дамба-оол", "Кужугет", "Сат", "Бямбасурэн", "Жамсаранов", "Ргазанов", "Взнуздаев", "Штольц", "Шварц",
             "Ржевуцкий", "Дзгоев", "Цгоев", "Кцоев", "Гжибовский", "Хлыстунов", "Пшеничка", "Ахмедханов", "Гаджимурадов", "Рустамзода",
             "Ёров", "Юлдошев", "Ўринов", "Жээнбеков", "Ысмайылов", "Аль-Халиди", "Иванов-Разумник", "О'Коннор", "Ле", "Ву", "Эм")
# Surnames of living people that look like words which nobody writes for a name.
ODD_LAST = ("Тестов", "Тестова", "Пробин", "Сукин", "Дураков", "Сучков", "Гадова", "Хренов", "Козлова", "Баранов", "Бухой", "Негодяев",
            "Дурнова", "Админов", "Пупкин", "Плохих")


def _lines(path):
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file if line.strip() and not line.startswith("#")]


def translit(text):
    return "".join(_LATIN.get(c, c if c.isascii() and c.isalnum() else "") for c in text.lower())


def _network(cidr):
    address, bits = cidr.split("/")
    a, b, c, d = (int(part) for part in address.split("."))
    return (a << 24 | b << 16 | c << 8 | d, 1 << (32 - int(bits)))


class Tables:
    def __init__(self):
        if not (DATA / "names.tsv").exists():
            raise SystemExit(f"{DATA} is missing; deploy/setup/data makes it")
        self.first, self.last, self.patronymic, self.cities = {}, {}, {}, {}
        for language, sex, part, text in _lines(DATA / "names.tsv"):
            if part == "city":
                self.cities.setdefault(language, []).append(text)
            else:
                {"first": self.first, "last": self.last, "patronymic": self.patronymic}[part].setdefault((language, sex), []).append(text)
        self.agents = {}
        for system, agent in _lines(DATA / "user-agents.tsv"):
            self.agents.setdefault(system, []).append(agent)
        self.public_phones = [row[0].split()[0] for row in _lines(PUBLIC_PHONES)
                              if row[0].startswith("+79") and row[0].split()[1] >= "2023"]
        self.crawlers = [row[0] for row in _lines(DATA / "crawlers.tsv")]
        self.networks = {}
        for kind, country, cidr, _ in _lines(NETWORKS):
            for name in (kind, (kind, country)):
                self.networks.setdefault(name, []).append((country, *_network(cidr)))

    def address(self, dice, kind, country=None):
        """A random address of that kind, and its country."""
        where, base, size = dice.pick(self.networks[kind, country] if country else self.networks[kind])
        n = base + 1 + dice.below(size - 2)
        return f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", where
