/* gateway_url.c - which gateway a verb that speaks to one means. */
#include "cli/gateway_url.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "boot/endpoint.h"

static struct text trimmed(struct text url)
{
    while (text_ends(url, TEXT("/")))
        url.len--;
    if (text_ends(url, TEXT("/v1")))
        url.len -= 3;
    while (text_ends(url, TEXT("/")))
        url.len--;
    return url;
}

char *gateway_url(const struct cli *cli)
{
    struct text said = text_of(cli_option(cli, "url")), address;
    const char *listen = getenv("GW_LISTEN");
    struct arena arena;
    struct buf url;
    uint16_t port;

    arena_init(&arena, NULL, 0, 4096);
    buf_init(&url, 4096);
    if (said.ptr != NULL) {
        if (text_find(said, TEXT("://")) < 0) /* host:port */
            buf_str(&url, "http://");
        buf_text(&url, trimmed(said));
    } else if (listen != NULL && endpoint_parse(text_of(listen), &arena, &address, &port, NULL) == 0) {
        buf_str(&url, "http://");
        endpoint_write(address, port, true, &url);
    } else {
        buf_str(&url, "http://127.0.0.1:8080");
    }
    size_t len;
    buf_append(&url, "", 1); /* its NUL */
    char *given = buf_take(&url, &len);
    BUG_IF(given == NULL);
    arena_fini(&arena);
    return given;
}
