/* written.h - what was written, byte for byte. */
#ifndef TEST_WRITTEN_H
#define TEST_WRITTEN_H

#include "base/buf.h"
#include "check.h"

/* Fails where `out` is not `expected`; empties it. */
static inline void written(struct buf *out, const char *expected)
{
    char text[16384];
    cr_assert_lt(out->len, sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)out->len, buf_view(out).ptr);
    buf_truncate(out, 0);
    cr_assert_str_eq(text, expected, "written:\n%s\nexpected:\n%s", text, expected);
}

#endif
