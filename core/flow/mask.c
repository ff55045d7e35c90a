/* mask.c - a secret of the gateway's is taken out of what an upstream sends, before a client or the log gets it.
 *
 * Some servers repeat the credential that they refuse, or the whole request. It is found as it was sent, written as a
 * part of JSON (a\u002db, \/), of JSON in a string of JSON, or of a URL (%2B), and cut by the end of a text or by "...". */
#include <string.h>

#include "flow/way.h"

/* Shorter ones are no secrets, and every text would be full of them; so much of a secret that is cut is masked, too. */
enum { SECRET_LEAST = 8 };

#define MASK "***"

/* The character that is written at the start of `t`, in any of these ways, each of them any number of times: JSON in a string
 * of JSON has \\u002d, a URL in a URL %252B. *len gets the bytes that it takes there; 0: `t` ends within it. */
static char read_char(struct text t, size_t *len)
{
    size_t at = 0;
    int high, low;

    *len = 1;
    if (t.ptr[0] == '%') {
        for (at = 1; at + 1 < t.len && t.ptr[at] == '2' && t.ptr[at + 1] == '5';)
            at += 2;
        if (at + 2 > t.len) {
            *len = 0;
            return '%';
        }
        if ((high = text_hex(t.ptr[at])) < 0 || (low = text_hex(t.ptr[at + 1])) < 0)
            return '%';
        *len = at + 2;
        return (char)(high << 4 | low);
    }
    while (at < t.len && (t.ptr[at] == '\\' ||
                          (at > 0 && text_starts_nocase((struct text){ t.ptr + at, t.len - at }, TEXT("u005c")))))
        at += t.ptr[at] == '\\' ? 1 : 5;
    if (at == 0)
        return t.ptr[0];
    if (at == t.len || (t.ptr[at] == 'u' && at + 5 > t.len)) {
        *len = 0;
        return '\\';
    }
    *len = at + 1;
    if (t.ptr[at] != 'u' || t.ptr[at + 1] != '0' || t.ptr[at + 2] != '0' || (high = text_hex(t.ptr[at + 3])) < 0 ||
        (low = text_hex(t.ptr[at + 4])) < 0)
        return t.ptr[at];
    *len = at + 5;
    return (char)(high << 4 | low);
}

/* How many bytes at the start of `t` are the secret, or the beginning of it up to the end of `t`; 0: none. A backslash of the
 * secret's own is one of those that escape. */
static size_t match(struct text t, struct text secret)
{
    size_t at = 0, found = 0;

    while (found < secret.len && at < t.len) {
        struct text rest = { t.ptr + at, t.len - at };
        size_t len = 1;

        if (secret.ptr[found] == '\\') {
            found++;
            continue;
        }
        if (rest.ptr[0] != secret.ptr[found] && read_char(rest, &len) != secret.ptr[found]) {
            bool is_cut = len == 0 || text_starts(rest, TEXT("...")); /* as plugins mark what they shorten */
            return is_cut && found >= SECRET_LEAST ? at + (len == 0 ? rest.len : 0) : 0;
        }
        at += len;
        found++;
    }
    return found == secret.len || found >= SECRET_LEAST ? at : 0;
}

/* What match() looks for first: a backslash is passed over there. */
static char first_of(struct text secret)
{
    size_t i = 0;
    while (i + 1 < secret.len && secret.ptr[i] == '\\')
        i++;
    return secret.ptr[i];
}

/* The next place from `i` on where a secret that begins with `first` may begin, as it is or escaped; t.len: none. Nearly all
 * bytes of a text are passed here. */
static size_t candidate(struct text t, size_t i, char first)
{
    while (i < t.len && t.ptr[i] != first && t.ptr[i] != '\\' && t.ptr[i] != '%')
        i++;
    return i;
}

static struct text mask_one(struct arena *arena, struct text t, struct text secret)
{
    char *out = NULL;
    size_t used = 0, from = 0;

    if (secret.len < SECRET_LEAST)
        return t;
    char first = first_of(secret);
    for (size_t i = 0; (i = candidate(t, i, first)) < t.len;) {
        struct text rest = { t.ptr + i, t.len - i };
        size_t len = match(rest, secret);

        if (len == 0) {
            if (*rest.ptr == '\\')
                read_char(rest, &len); /* what is escaped does not begin the secret by itself */
            i += len > 0 ? len : 1;
            continue;
        }
        if (out == NULL)
            out = arena_array(arena, char, t.len + sizeof MASK); /* it is longer than its mask */
        memcpy(out + used, t.ptr + from, i - from);
        memcpy(out + used + (i - from), MASK, sizeof MASK - 1);
        used += i - from + sizeof MASK - 1;
        from = i += len;
    }
    if (out == NULL)
        return t;
    memcpy(out + used, t.ptr + from, t.len - from);
    return (struct text){ out, used + t.len - from };
}

struct text mask_text(struct attempt *a, struct text t)
{
    const struct config_provider *p = a->target->provider;
    struct arena *arena = &a->req->arena;

    t = mask_one(arena, t, call_text(a->ask.secret));
    for (size_t i = 0; i < p->named_count; i++)
        t = mask_one(arena, t, p->named[i].value);
    for (size_t i = 0; i < p->header_count; i++)
        if (p->headers[i].secret)
            t = mask_one(arena, t, p->headers[i].value);
    return t;
}

static gw_str mask_str(struct attempt *a, gw_str s)
{
    return call_str(mask_text(a, call_text(s)));
}

gw_event mask_event(struct attempt *a, const gw_event *event)
{
    gw_event masked = { .size = sizeof masked };

    memcpy(&masked, event, event->size < sizeof masked ? event->size : sizeof masked);
    masked.text = mask_str(a, event->text);
    masked.code = mask_str(a, event->code);
    masked.param = mask_str(a, event->param);
    if (event->type == GW_EVENT_ERROR)
        masked.data = mask_str(a, event->data);
    masked.id = mask_str(a, event->id);
    return masked;
}
