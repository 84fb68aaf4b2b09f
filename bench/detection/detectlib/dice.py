"""Seeded chance. One seed gives one stream, on every machine: only random() of the standard library is used, whose
algorithm is documented not to change."""
import math
import random


class Dice:
    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, count):
        return int(self.random() * count)

    def between(self, least, most):
        """Both included."""
        return least + int(self.random() * (most - least + 1))

    def chance(self, share):
        return self.random() < share

    def pick(self, items):
        return items[int(self.random() * len(items))]

    def weighted(self, sums, items):
        """sums: of the weights so far, ascending."""
        at, low, high = self.random() * sums[-1], 0, len(sums) - 1
        while low < high:
            middle = (low + high) // 2
            if at < sums[middle]:
                high = middle
            else:
                low = middle + 1
        return items[low]

    def lognormal(self, median, spread):
        """Times that people take: never negative, with a long tail. spread: of the logarithm."""
        u = 1.0 - self.random()
        return median * math.exp(spread * math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * self.random()))

    def exponential(self, mean):
        return -mean * math.log(1.0 - self.random())

    def hex(self, digits):
        return "".join("0123456789abcdef"[int(self.random() * 16)] for _ in range(digits))

    def digits(self, count):
        return f"{int(self.random() * 10 ** count):0{count}d}"

    def sample(self, items, count):
        """Different ones, in any order."""
        left = list(items)
        return [left.pop(int(self.random() * len(left))) for _ in range(min(count, len(left)))]


def running_sums(weights):
    sums, total = [], 0
    for weight in weights:
        total += weight
        sums.append(total)
    return sums
