/* easy.h - what most providers write first: short words for look-ups, texts and events. Header only, and nothing of it
 * crosses to the core: a plugin takes what it likes of it. Each function may be called where `h` itself may be. */
#ifndef GATEWAY_EASY_H
#define GATEWAY_EASY_H

#include "provider.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A NUL-terminated text, borrowed; NULL is absent. */
static inline gw_str gw_of(const char *s)
{
    gw_str text = { s, s != NULL ? strlen(s) : 0 };
    return text;
}

/* Is `s` this word? An absent text is none. */
static inline int gw_is(gw_str s, const char *word)
{
    return s.ptr != NULL && s.len == strlen(word) && memcmp(s.ptr, word, s.len) == 0;
}

/* Is `s` one of the blank-separated words? */
static inline int gw_is_one_of(gw_str s, const char *words)
{
    for (; *words != '\0'; words += strspn(words, " ")) {
        size_t len = strcspn(words, " ");
        if (s.len == len && len > 0 && memcmp(s.ptr, words, len) == 0)
            return 1;
        words += len;
    }
    return 0;
}

static inline int gw_begins(gw_str s, const char *word)
{
    return s.ptr != NULL && s.len >= strlen(word) && memcmp(s.ptr, word, strlen(word)) == 0;
}

/* The member `name` of an object: NULL, an absent text, `otherwise` where it is not there or of another type. */
static inline const gw_json *gw_get(const gw_host *h, const gw_json *object, const char *name)
{
    return h->json->get(object, gw_of(name));
}
static inline gw_str gw_get_str(const gw_host *h, const gw_json *object, const char *name)
{
    return h->json->str(gw_get(h, object, name));
}
static inline int64_t gw_get_int(const gw_host *h, const gw_json *object, const char *name, int64_t otherwise)
{
    return h->json->integer(gw_get(h, object, name), otherwise);
}

/* `a` and `b` in one text, memory of the call. Absent without memory: http_url() and http_header() then spoil the request. */
static inline gw_str gw_join(const gw_host *h, gw_call *call, gw_str a, gw_str b)
{
    gw_str both = { NULL, 0 };
    char *to = (char *)h->alloc(call, a.len + b.len + 1, 1);
    if (to == NULL)
        return both;
    if (a.len > 0)
        memcpy(to, a.ptr, a.len);
    if (b.len > 0)
        memcpy(to + a.len, b.ptr, b.len);
    both.ptr = to;
    both.len = a.len + b.len;
    return both;
}

/* A member of the object being written. */
static inline void gw_put_key(const gw_host *h, gw_writer *w, const char *name)
{
    h->write->key(w, gw_of(name));
}
static inline void gw_put_str(const gw_host *h, gw_writer *w, const char *name, gw_str value)
{
    gw_put_key(h, w, name);
    h->write->str(w, value);
}

/* Hands `event` to the core; its size is set here. */
static inline void gw_say(gw_call *call, gw_emit emit, gw_event event)
{
    event.size = sizeof event;
    emit(call, &event);
}

/* Tokens of which nothing is known: each bucket and the total are -1. */
static inline gw_tokens gw_no_tokens(void)
{
    gw_tokens t;
    memset(&t, 0, sizeof t);
    t.size = sizeof t;
    t.input = t.cache_read = t.cache_write_5m = t.cache_write_1h = t.output = t.reasoning = -1;
    t.audio_in = t.audio_out = t.image_in = t.image_out = t.server_tool_calls = t.total = -1;
    return t;
}

/* The `usage` object of OpenAI's chat completions, which many services have, as disjoint buckets: what a cache had is no
 * fresh input, reasoning is no text. 1; 0 where there is none, or its parts are more than the whole. */
static inline int gw_chat_usage(const gw_host *h, const gw_json *usage, gw_tokens *out)
{
    *out = gw_no_tokens();
    if (h->json->type(usage) != GW_JSON_OBJECT)
        return 0;
    out->cache_read = gw_get_int(h, gw_get(h, usage, "prompt_tokens_details"), "cached_tokens", 0);
    out->reasoning = gw_get_int(h, gw_get(h, usage, "completion_tokens_details"), "reasoning_tokens", 0);
    out->input = gw_get_int(h, usage, "prompt_tokens", 0);
    out->output = gw_get_int(h, usage, "completion_tokens", 0);
    out->raw = h->json->text(usage);
    if (out->cache_read < 0 || out->reasoning < 0 || out->input < out->cache_read || out->output < out->reasoning)
        return 0;
    out->input -= out->cache_read;
    out->output -= out->reasoning;
    return 1;
}

#ifdef __cplusplus
}
#endif
#endif
