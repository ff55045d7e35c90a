/* nano.h - money as whole nano-dollars (1 USD = 1,000,000,000), never as a floating-point number. Any thread. */
#ifndef MONEY_NANO_H
#define MONEY_NANO_H

#include <stdint.h>

#include "base/text.h"

#define NANO_PER_USD INT64_C(1000000000)
/* Room for nano_write(): sign, 10 digits, point, 9 digits, NUL. */
#define NANO_TEXT 24

/* "2.5" -> 2,500,000,000. 0, or -1: not a decimal number without sign and exponent, more than 9 digits after the
 * point that are not 0, or over INT64_MAX. */
int nano_parse(struct text usd, int64_t *nano);
/* Dollars, with at least `least` and at most 9 digits after the point (no trailing zeros behind `least`). Returns
 * `out`. */
const char *nano_write(int64_t nano, unsigned least, char out[NANO_TEXT]);

#endif
