/* echo.c - test builds only: shows what the front understood, for the framing vectors. Everything before
 * and after it is what every request goes through. */
#include "http/echo.h"

#ifdef GW_TEST_BUILD

#include <stdlib.h>

#include "http/reply.h"

static enum MHD_Result write_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    buf_printf(cls, "%s: %s\n", name, value != NULL ? value : "");
    return MHD_YES;
}

void echo_serve(struct client *c)
{
    struct text body;
    char *text;

    if (c->out.len == 0)
        MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, write_header, &c->out);
    text = buf_take(&c->out, &body.len);
    body.ptr = text;
    reply_own(c, 200, "application/octet-stream", NULL, body, free, text);
}

#else

typedef int echo_is_empty; /* a translation unit may not be */

#endif
