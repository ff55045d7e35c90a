/* query.c - what of a request's query goes upstream: names that the route lists, with values that need no encoding. All else
 * stays here and is named in x-gw-dropped. */
#include "face/common.h"
#include "flow/way.h"

enum { VALUE_MAX = 64 };

static bool is_listed(struct text name, const char *names)
{
    struct text rest = text_of(names);

    while (rest.len > 0)
        if (text_eq(text_cut(&rest, ' '), name))
            return true;
    return false;
}

/* Unreserved characters (RFC 3986, 2.3): no two servers read them differently. */
static bool is_plain(struct text value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i], low = (char)(c | 0x20);

        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_' && c != '~')
            return false;
    }
    return value.len <= VALUE_MAX;
}

void query_read(struct request *req, struct text query, const char *names)
{
    struct ask others = { 0 };
    struct buf kept;

    buf_init(&kept, query.len + 1);
    while (query.len > 0) {
        struct text parameter = text_cut(&query, '&'), value = parameter, name = text_cut(&value, '=');

        if (name.len > 0 && is_listed(name, names) && is_plain(value))
            buf_printf(&kept, "%s%.*s", kept.len > 0 ? "&" : "", TEXT_ARG(parameter));
        else if (name.len > 0 && !text_is(name, "api-version")) /* Azure's: the provider that needs one has its own */
            common_drop(
                &req->arena, &others,
                text_of(arena_printf(&req->arena, "query.%.*s", (int)(name.len < 60 ? name.len : 60), name.ptr)),
                "the query parameter is not passed on");
    }
    req->query = arena_text(&req->arena, buf_view(&kept));
    req->query_dropped = others.dropped;
    buf_free(&kept);
}
