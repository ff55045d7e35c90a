/* nano.c - reads and writes dollars exactly. */
#include "money/nano.h"

#include "base/fail.h"

int nano_parse(struct text usd, int64_t *nano)
{
    struct text rest = usd;
    struct text whole = text_cut(&rest, '.');
    int64_t value, unit = NANO_PER_USD / 10;

    if (text_parse_u63(whole, &value) != 0 || (rest.ptr != NULL && rest.len == 0) ||
        __builtin_mul_overflow(value, NANO_PER_USD, &value))
        return -1;
    for (size_t i = 0; i < rest.len; i++, unit /= 10) {
        if (rest.ptr[i] < '0' || rest.ptr[i] > '9' || (unit == 0 && rest.ptr[i] != '0') ||
            __builtin_add_overflow(value, (rest.ptr[i] - '0') * unit, &value))
            return -1;
    }
    *nano = value;
    return 0;
}

const char *nano_write(int64_t nano, unsigned least, char out[NANO_TEXT])
{
    uint64_t size = nano < 0 ? 0 - (uint64_t)nano : (uint64_t)nano;
    unsigned digits = 9;
    int len;

    BUG_IF(least > 9);
    len = snprintf(out, NANO_TEXT, "%s%llu.%09llu", nano < 0 ? "-" : "",
                   (unsigned long long)(size / (uint64_t)NANO_PER_USD),
                   (unsigned long long)(size % (uint64_t)NANO_PER_USD));
    for (; digits > least && out[len - 1] == '0'; digits--)
        out[--len] = '\0';
    if (digits == 0)
        out[--len] = '\0';
    return out;
}
