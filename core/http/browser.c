/* browser.c - which requests of a browser a gateway without keys takes. */
#include "http/browser.h"

#include <arpa/inet.h>
#include <string.h>

/* Headers with which proxies and the networks in front of servers name the client. A trailing "*" is anything. */
static bool is_forwarding(struct text name)
{
    static const struct text names[] = {
        { "forwarded", 9 },
        { "x-forwarded*", 12 },
        { "x-original-*", 12 },
        { "x-envoy-*", 9 },
        { "via", 3 },
        { "x-real-ip", 9 },
        { "x-client-ip", 11 },
        { "x-cluster-client-ip", 19 },
        { "true-client-ip", 14 },
        { "client-ip", 9 },
        { "cf-*", 4 },
        { "fastly-*", 8 },
        { "fly-*", 5 },
        { "x-amzn-*", 8 },
        { "x-azure-*", 9 },
        { "x-remote-ip", 11 },
        { "x-remote-addr", 13 },
        { "x-proxyuser-ip", 14 },
        { "wl-proxy-*", 10 },
        { "proxy-client-ip", 15 },
        { "x-appengine-*", 13 },
        { "x-host", 6 },
        { "x-rewrite-url", 13 },
        { "x-vercel-*", 10 },
        { "x-cloud-trace-context", 21 },
        { "do-connecting-ip", 16 },
        { "x-nf-*", 6 },
        { "x-coming-from", 13 },
        { "coming-from", 11 },
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool any = names[i].ptr[names[i].len - 1] == '*';
        struct text front = { names[i].ptr, names[i].len - any };

        if (any ? text_starts_nocase(name, front) : text_eq_nocase(name, front))
            return true;
    }
    return false;
}

struct browser browser_read(const struct door_header *headers, size_t count)
{
    struct browser b = { 0 };

    for (size_t i = 0; i < count; i++) {
        struct text name = text_of(headers[i].name), value = text_of(headers[i].value);

        if (text_eq_nocase(name, TEXT("host")))
            b.host = value;
        else if (text_eq_nocase(name, TEXT("content-type")))
            b.type = value;
        else if (text_eq_nocase(name, TEXT("access-control-request-method")))
            b.method = value;
        else if (text_eq_nocase(name, TEXT("access-control-request-headers")))
            b.headers = value;
        else if (text_eq_nocase(name, TEXT("origin"))) {
            b.many = b.origin.ptr != NULL;
            b.origin = value;
        }
        if (text_eq_nocase(name, TEXT("sec-fetch-site")))
            b.site = value;
        b.is_one = b.is_one || b.origin.ptr != NULL || text_starts_nocase(name, TEXT("sec-fetch-"));
    }
    return b;
}

/* host[:port] without its port; an IPv6 address without its brackets. */
static struct text bare(struct text host)
{
    bool is_v6 = host.len > 0 && *host.ptr == '[';
    int64_t port;
    struct text rest = is_v6 ? (struct text){ host.ptr + 1, host.len - 1 } : host;
    struct text name = text_cut(&rest, is_v6 ? ']' : ':');

    if (is_v6 && rest.ptr != NULL && rest.len > 0) { /* nothing but a port may follow the bracket */
        if (*rest.ptr != ':')
            return TEXT_NONE;
        rest = (struct text){ rest.ptr + 1, rest.len - 1 };
    }
    return rest.ptr != NULL && rest.len > 0 && text_parse_u63(rest, &port) != 0 ? TEXT_NONE : name;
}

bool browser_is_local(struct text host)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    char copy[INET6_ADDRSTRLEN];
    unsigned char ip[16];
    struct text name = bare(host), domain = { ".localhost", 10 };

    if (text_eq_nocase(name, TEXT("localhost")))
        return true;
    if (name.len > domain.len && text_eq_nocase((struct text){ name.ptr + name.len - domain.len, domain.len }, domain))
        return true;
    if (name.len == 0 || name.len >= sizeof copy)
        return false;
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    if (inet_pton(AF_INET, copy, ip) == 1)
        return ip[0] == 127;
    if (inet_pton(AF_INET6, copy, ip) != 1)
        return false;
    return memcmp(ip, &in6addr_loopback, sizeof ip) == 0 || (memcmp(ip, mapped, sizeof mapped) == 0 && ip[12] == 127);
}

bool browser_is_listed(const struct browser *b, const struct config *config)
{
    for (size_t i = 0; i < config->cors_count && b->origin.len > 0 && !b->many; i++)
        if (text_is(config->cors[i], "*") || text_eq_nocase(config->cors[i], b->origin))
            return true;
    return false;
}

/* The page is this machine's own, or was loaded from the gateway itself. */
static bool is_own_origin(const struct browser *b)
{
    struct text place = b->origin;
    size_t scheme = text_starts_nocase(place, TEXT("http://"))    ? 7
                    : text_starts_nocase(place, TEXT("https://")) ? 8
                                                                  : 0;

    place = (struct text){ place.ptr + scheme, place.len - scheme };
    return scheme > 0 && !b->many && (browser_is_local(place) || (place.len > 0 && text_eq_nocase(place, b->host)));
}

bool browser_is_direct(const struct door_header *headers, size_t count)
{
    struct browser b = browser_read(headers, count);

    for (size_t i = 0; i < count; i++)
        if (is_forwarding(text_of(headers[i].name)))
            return false;
    return (b.host.ptr == NULL || browser_is_local(b.host)) && (b.origin.ptr == NULL || is_own_origin(&b)) &&
           !text_eq_nocase(b.site, TEXT("cross-site"));
}

/* What a form of another site cannot have without asking first; and uploads, where the API has them. */
static bool is_type_of(const struct route *route, struct text type)
{
    struct text essence = text_trim(text_cut(&type, ';'));

    if (text_eq_nocase(essence, TEXT("application/json")))
        return true;
    return route->uploads && text_eq_nocase(essence, TEXT("multipart/form-data"));
}

const char *browser_refusal(const struct browser *b, const struct config *config, const struct route *route,
                            enum error_case *which)
{
    *which = E_FORBIDDEN;
    if (b->host.ptr != NULL && browser_is_local(config->listen.address) && !browser_is_local(b->host))
        return "this gateway has no keys and serves this machine only, so the Host header must name it: use "
               "http://127.0.0.1 or http://localhost, or have its operator declare keys";
    if (b->origin.ptr != NULL && !is_own_origin(b))
        return "this gateway has no keys, so web pages of other origins may not use it: its operator can list this origin "
               "(cors { origins = { ... } }) or declare keys";
    if (text_eq_nocase(b->site, TEXT("cross-site")))
        return "this gateway has no keys, so web pages of other sites may not use it: its operator can list the page's "
               "origin (cors { origins = { ... } }) or declare keys";
    if (b->is_one && route != NULL && route->face != NULL && (route->methods & ROUTE_POST) != 0 &&
        b->method.ptr == NULL && !is_type_of(route, b->type)) {
        *which = E_MEDIA_TYPE;
        return "a browser's request to a gateway without keys needs the header Content-Type: application/json";
    }
    return NULL;
}
