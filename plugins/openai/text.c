/* text.c - small things of gw_str. */
#include <stdlib.h>
#include <string.h>

#include "openai.h"

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool openai_has(gw_str s, const char *part)
{
    size_t len = strlen(part);
    for (size_t at = 0; at + len <= s.len; at++) {
        size_t same = 0;
        while (same < len && fold(s.ptr[at + same]) == fold(part[same]))
            same++;
        if (same == len)
            return true;
    }
    return false;
}

gw_str openai_join(const gw_host *host, gw_call *call, gw_str a, gw_str b)
{
    char *out = host->alloc(call, a.len + b.len + 1, 1);
    if (out == NULL)
        return (gw_str){ NULL, 0 };
    if (a.len > 0)
        memcpy(out, a.ptr, a.len);
    if (b.len > 0)
        memcpy(out + a.len, b.ptr, b.len);
    return (gw_str){ out, a.len + b.len };
}

gw_str openai_keep(const struct reader *r, gw_str s)
{
    gw_str copy = openai_join(r->h, r->call, s, (gw_str){ NULL, 0 });
    return copy.ptr != NULL ? copy : GW_LIT("");
}

char *openai_setting(const gw_host *host, const gw_json *config, gw_str name)
{
    gw_str value = host->json->str(host->json->get(config, name));
    char *copy = value.len > 0 ? malloc(value.len + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, value.ptr, value.len); /* it has no NUL at its end, which strndup() may look for */
    copy[value.len] = '\0';
    return copy;
}
