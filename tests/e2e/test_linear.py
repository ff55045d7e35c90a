"""test_linear.py - what a part of an answer or a request costs does not grow with their number. tests/bench/linear.py measures
more exactly, and up to 100,000 parts."""

import unittest

import linear

FEW, MANY = 300, 3000
WORST = 4.0  # as loops over all parts for each of them make it 10


class Linear(unittest.TestCase):
    def test_a_part_costs_as_much_among_many(self):
        with linear.Bench() as bench:
            for way in linear.ways():
                if way.is_relay:
                    continue
                if way.kind in ("turns", "tools", "choices"):  # of choices the gateway takes 1,024
                    few, many = 100, 1000
                else:
                    few, many = FEW, MANY
                with self.subTest(way.name):
                    ratio = bench.per_part(way, many, 1) / bench.per_part(way, few, 2)
                    if ratio > WORST:  # the machine may be busy with others
                        ratio = bench.per_part(way, many, 3) / bench.per_part(way, few, 5)
                    self.assertLess(ratio, WORST)
