/* forwarded.c - whose address a request has behind proxies that the operator trusts: each of them appends to
 * X-Forwarded-For the address of who connected to it, so the list is read from its end, and only as far as it was written by
 * them. What stands before is whatever the client wrote. */
#include "base/cidr.h"
#include "flow/way.h"

static bool is_trusted(const struct config_listen *listen, const struct cidr *address)
{
    for (size_t i = 0; i < listen->proxy_count; i++)
        if (cidr_has(&listen->proxies[i], address))
            return true;
    return false;
}

/* "192.0.2.7", "192.0.2.7:443", "2001:db8::1" or "[2001:db8::1]:443" as an address alone. */
static struct text without_port(struct text t)
{
    struct text rest = t;
    if (text_starts(t, TEXT("["))) {
        rest.ptr++;
        rest.len--;
        return text_cut(&rest, ']');
    }
    struct text host = text_cut(&rest, ':');
    return text_find(rest, TEXT(":")) < 0 ? host : t;
}

/* The last member of the list, taken off it. */
static struct text last_of(struct text *list)
{
    size_t at = list->len;
    while (at > 0 && list->ptr[at - 1] != ',')
        at--;
    struct text last = { list->ptr + at, list->len - at };
    list->len = at > 0 ? at - 1 : 0;
    return text_trim(last);
}

struct text forwarded_peer(struct request *req, const struct request_head *head)
{
    const struct config_listen *listen = &req->config->listen;
    struct text peer = head->peer;
    struct cidr address;

    if (listen->proxy_count == 0 || cidr_parse(peer, &address) < 0 || !is_trusted(listen, &address))
        return peer;
    for (size_t i = head->header_count; i > 0; i--) {
        struct text list = text_of(head->headers[i - 1].value);
        if (!text_eq_nocase(text_of(head->headers[i - 1].name), TEXT("x-forwarded-for")))
            continue;
        while (list.len > 0) {
            struct text next = without_port(last_of(&list));
            if (cidr_parse(next, &address) < 0 || address.bits != 128)
                return peer;
            peer = next;
            if (!is_trusted(listen, &address))
                return peer;
        }
    }
    return peer;
}
