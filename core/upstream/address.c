/* address.c - takes a URL apart, and refuses what would make "who is dialled" and "who is named" differ. */
#include "upstream/address.h"

#include <string.h>

enum { HOST = 1, PATH = 2 };

/* Where a byte may stand. The path may hold what is visible in ASCII, but for the '#' of a fragment. */
static const unsigned char bytes[256] = {
    ['!' ... '"'] = PATH,        ['$' ... ','] = PATH, ['-' ... '.'] = PATH | HOST, ['/'] = PATH,
    ['0' ... '9'] = PATH | HOST, [':' ... '@'] = PATH, ['A' ... 'Z'] = PATH | HOST, ['[' ... '^'] = PATH,
    ['_'] = PATH | HOST,         ['`'] = PATH,         ['a' ... 'z'] = PATH | HOST, ['{' ... '~'] = PATH,
};

static bool may_be(char c, unsigned where)
{
    return (bytes[(unsigned char)c] & where) != 0;
}

static bool is_port(struct text port)
{
    int64_t number;

    return port.len <= 5 && text_parse_u63(port, &number) == 0 && number >= 1 && number <= 65535;
}

/* host, host:port, [v6] or [v6]:port. */
static bool is_authority(struct text host)
{
    size_t end = 0;

    if (host.len > 0 && host.ptr[0] == '[') {
        for (end = 1; end < host.len && host.ptr[end] != ']'; end++)
            if (!may_be(host.ptr[end], HOST) && host.ptr[end] != ':')
                return false;
        if (end == host.len || end == 1)
            return false;
        end++;
    } else {
        while (end < host.len && may_be(host.ptr[end], HOST))
            end++;
        if (end == 0)
            return false;
    }
    return end == host.len ||
           (host.ptr[end] == ':' && is_port((struct text){ host.ptr + end + 1, host.len - end - 1 }));
}

int address_parse(struct text url, struct address *out, const char **why)
{
    size_t scheme, end;

    out->tls = text_starts_nocase(url, TEXT("https://"));
    scheme = out->tls ? 8 : 7;
    if (!out->tls && !text_starts_nocase(url, TEXT("http://"))) {
        *why = "the URL does not begin with http:// or https://";
        return -1;
    }
    for (end = scheme; end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?'; end++)
        ;
    out->origin = (struct text){ url.ptr, end };
    out->host = (struct text){ url.ptr + scheme, end - scheme };
    out->path = (struct text){ url.ptr + end, url.len - end };
    if (!is_authority(out->host)) {
        *why = "the URL's host is malformed";
        return -1;
    }
    for (; end < url.len; end++) {
        if (!may_be(url.ptr[end], PATH)) {
            *why = "the URL's path is malformed";
            return -1;
        }
    }
    return 0;
}
