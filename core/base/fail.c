/* fail.c - one way to fail, and one way to stop. */
#include "base/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

int fail_set(struct fail *fail, enum fail_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail_vset(fail, kind, format, args);
    va_end(args);
    return -1;
}

int fail_vset(struct fail *fail, enum fail_kind kind, const char *format, va_list args)
{
    if (fail == NULL)
        return -1;
    *fail = (struct fail){.kind = kind, .should_retry = -1};
    int len = vsnprintf(fail->text, sizeof fail->text, format, args);
    if (len < (int)sizeof fail->text)
        return -1;

    /* Too long: do not end in the middle of a character. */
    struct text text = {fail->text, sizeof fail->text - 1};
    size_t last = text.len - 1;
    while (last > text.len - 4 && ((unsigned char)text.ptr[last] & 0xc0) == 0x80)
        last--;
    bool valid;
    text_utf8_step(text, last, &valid);
    if (!valid)
        fail->text[last] = '\0';
    return -1;
}

void fail_bug(const char *file, int line, const char *what)
{
    dprintf(STDERR_FILENO, "llm-gateway: defect: %s:%d: %s\n", file, line, what);
    abort();
}
