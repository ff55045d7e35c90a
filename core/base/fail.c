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
    *fail = (struct fail){ .kind = kind, .should_retry = -1 };
    fail_vtext(fail, format, args);
    return -1;
}

void fail_vtext(struct fail *fail, const char *format, va_list args)
{
    static const char mark[] = "...";
    size_t last = sizeof fail->text - sizeof mark;
    int len = vsnprintf(fail->text, sizeof fail->text, format, args);

    if (len < (int)sizeof fail->text)
        return;
    while (last > 0 && ((unsigned char)fail->text[last] & 0xc0) == 0x80)
        last--;
    memcpy(fail->text + last, mark, sizeof mark);
}

void fail_bug(const char *file, int line, const char *what)
{
    dprintf(STDERR_FILENO, "llm-gateway: defect: %s:%d: %s\n", file, line, what);
    abort();
}
