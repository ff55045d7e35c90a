"""test_focus.py - `usage --format focus`: the columns that FOCUS 1.0 asks for, and sums that are those of the report."""

import csv
import io
import json
from decimal import Decimal

from command import run
from stored import StoreCase

# What the specification's 1.0 names mandatory, and the names of what is beside it.
MANDATORY = """BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart ChargeCategory ChargeClass
ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName ListCost PricingQuantity PricingUnit
ProviderName PublisherName ServiceCategory ServiceName""".split()


class Focus(StoreCase):
    def test_each_row_has_its_columns_and_all_add_up(self):
        with self.gateway() as gw:
            for i in range(6):
                headers = [("x-gw-project", "shop" if i % 2 else "+web")]
                self.assertEqual(gw.chat(model=("m", "m2", "d")[i % 3], headers=headers).status, 200)
        said = run("usage", "--path", self.path, "--format", "focus")
        self.assertEqual((said.code, said.err), (0, ""), said)
        rows = list(csv.DictReader(io.StringIO(said.out)))
        plain = json.loads(run("usage", "--path", self.path, "--format", "json", "--by", "model,project").out)
        self.assertEqual(len(rows), len(plain))
        for row in rows:
            self.assertNotIn(None, row)  # a value without a column
            self.assertNotIn(None, row.values())  # a column without a value
            for name in MANDATORY:
                self.assertIn(name, row)
                if name != "ChargeClass":  # null: no correction
                    self.assertNotEqual(row[name], "", name)
            self.assertEqual((row["BillingCurrency"], row["ChargeCategory"], row["ServiceCategory"], row["PricingUnit"]), ("USD", "Usage", "AI and Machine Learning", "Tokens"))
            self.assertRegex(row["ChargePeriodStart"], r"^20\d\d-\d\d-\d\dT00:00:00Z$")
            self.assertLess(row["ChargePeriodStart"], row["ChargePeriodEnd"])
            self.assertTrue(row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["BillingPeriodEnd"])
            self.assertEqual(row["BillingPeriodStart"][8:10] + row["BillingPeriodEnd"][8:10], "0101")
        self.assertEqual(sum(Decimal(r["BilledCost"]) for r in rows), sum(Decimal(r["cost_usd"]) for r in plain))
        self.assertGreater(sum(Decimal(r["BilledCost"]) for r in rows), 0)
        self.assertEqual(sum(Decimal(r["ConsumedQuantity"]) for r in rows), sum(sum(r["tokens"].values()) for r in plain))
        self.assertEqual(sum(int(r["x_Requests"]) for r in rows), 6)
        self.assertEqual({json.loads(r["Tags"])["project"] for r in rows}, {p["project"] for p in plain})

    def test_its_columns_are_its_own(self):
        for more in (("--by", "team"), ("--zone", "UTC")):
            said = run("usage", "--path", self.folder.name, "--format", "focus", *more)
            self.assertEqual(said.code, 2)
            self.assertIn("--format focus has its own columns, and days of UTC", said.err)
