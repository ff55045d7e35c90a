/* link_web.c - which web pages may use the gateway, who may read its metrics, and the admin API. */
#include <string.h>

#include "boot/endpoint.h"
#include "boot/link.h"
#include "boot/secret.h"

/* scheme://host[:port], as browsers write it: no path, no slash at its end, no user. */
static bool is_origin(struct text t)
{
    ptrdiff_t at = text_find(t, TEXT("://"));
    struct text place = at > 0 ? (struct text){ t.ptr + at + 3, t.len - (size_t)at - 3 } : TEXT_NONE;

    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.ptr[i] <= ' ' || (unsigned char)t.ptr[i] >= 0x7f)
            return false;
    return place.len > 0 && place.len < 256 && memchr(place.ptr, '/', place.len) == NULL &&
           memchr(place.ptr, '@', place.len) == NULL && memchr(place.ptr, '*', place.len) == NULL;
}

static void link_cors(struct link *l)
{
    const struct declare_cors *said = &l->declared->cors;
    struct complaints *complaints = &l->report->complaints;

    l->config->cors = arena_array(l->arena, struct text, said->origins.count + 1);
    for (size_t i = 0; i < said->origins.count; i++) {
        struct text origin = said->origins.items[i];
        if (text_is(origin, "*") && l->config->key_count == 0)
            complain(
                complaints, said->line,
                "cors: \"*\" would let every web page use a gateway without keys: name the origins, or declare a key");
        else if (!text_is(origin, "*") && !is_origin(origin))
            complain(complaints, said->line,
                     "cors: \"%.*s\" is no origin: write scheme://host or scheme://host:port, without a path",
                     TEXT_ARG(origin));
        l->config->cors[l->config->cors_count++] = arena_text(l->arena, origin);
    }
}

static void link_metrics(struct link *l)
{
    const struct declare_metrics *said = &l->declared->metrics;
    struct config *config = l->config;
    const char *why;

    if (said->token == NULL)
        return;
    config->metrics_from = secret_name(said->token, l->arena);
    if (secret_read(said->token, l->folder, l->arena, &config->metrics_token, &why) != SECRET_READ) {
        config->metrics_token = TEXT_NONE;
        complain(&l->report->notes, said->line, "metrics: %s %s: /metrics is for this machine only",
                 config->metrics_from, why);
    } else if (config->metrics_token.len < 16 || !secret_fits_header(config->metrics_token)) {
        complain(&l->report->complaints, said->line,
                 "metrics: %s is no token: 16 bytes at least, none of them a control byte", config->metrics_from);
    }
}

/* Its files stand beside the ledger. */
static void link_admin(struct link *l)
{
    const struct declare_admin *said = &l->declared->admin;
    struct fail fail;
    if (said->line == 0 || said->address.ptr == NULL)
        return;
    if (endpoint_parse(said->address, l->arena, &l->config->admin.address, &l->config->admin.port, &fail) < 0)
        complain(&l->report->complaints, said->line, "admin: %s", fail.text);
    else if (l->declared->ledger.line == 0)
        complain(
            &l->report->complaints, said->line,
            "admin: its keys and credentials are kept beside a ledger, and there is none. Add ledger { path = \"ledger\" }");
    else if (l->config->admin.port != 0 && l->config->admin.port == l->config->listen.port)
        complain(&l->report->complaints, said->line,
                 "admin: it listens on a port of its own, and %u is that of clients", (unsigned)l->config->admin.port);
}

void link_web(struct link *l)
{
    link_admin(l);
    link_cors(l);
    link_metrics(l);
}
