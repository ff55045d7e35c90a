/* mask_request.c - what a client wrote is taken out of an upstream's words before the log gets them: some servers repeat the
 * request that they refuse, prompt and all.
 *
 * A run of 12 bytes and more of the words that stands in a string of the request becomes "***". Names of members and the model's name
 * are left: they are what an error is about. */
#include <ctype.h>
#include <string.h>

#include "flow/way.h"

enum {
    RUN = 12,
    WORDS_MOST = 512,
    SLOTS = 2048,
    BODY_MOST = 4 << 20, /* a longer one is not looked through: nothing of the words is shown */
};

#define MASK "***"
#define MULTIPLIER UINT32_C(0x01000193)

struct runs {
    struct text words;
    uint16_t slots[SLOTS];     /* place + 1 of the last run with that hash; 0: none */
    uint16_t next[WORDS_MOST]; /* of the same slot */
    bool hidden[WORDS_MOST];
};

static uint32_t hash_of(const char *bytes)
{
    uint32_t hash = 0;
    for (int i = 0; i < RUN; i++)
        hash = hash * MULTIPLIER + (unsigned char)bytes[i];
    return hash;
}

static size_t slot_of(uint32_t hash)
{
    return (hash ^ hash >> 16) % SLOTS;
}

static void note_runs(struct runs *r, struct text model, struct text upstream_model)
{
    for (size_t i = 0; i + RUN <= r->words.len; i++) {
        struct text run = { r->words.ptr + i, RUN };
        if (text_find(model, run) >= 0 || text_find(upstream_model, run) >= 0)
            continue;
        uint16_t *slot = &r->slots[slot_of(hash_of(run.ptr))];
        r->next[i] = *slot;
        *slot = (uint16_t)(i + 1);
    }
}

/* Is the run at `at` in the body a part of a member's name? */
static bool is_in_name(struct text body, size_t at)
{
    size_t i = at;
    while (i < body.len && (isalnum((unsigned char)body.ptr[i]) || body.ptr[i] == '_'))
        i++;
    if (i == body.len || body.ptr[i] != '"')
        return false;
    for (i++; i < body.len && isspace((unsigned char)body.ptr[i]);)
        i++;
    return i < body.len && body.ptr[i] == ':';
}

static void hide(struct runs *r, struct text body, size_t at, uint32_t hash)
{
    for (size_t place = r->slots[slot_of(hash)]; place != 0; place = r->next[place - 1]) {
        if (memcmp(r->words.ptr + place - 1, body.ptr + at, RUN) != 0 || is_in_name(body, at))
            continue;
        for (size_t i = 0; i < RUN; i++)
            r->hidden[place - 1 + i] = true;
    }
}

static void look_through(struct runs *r, struct text body)
{
    uint32_t leaving = 1, hash;
    for (int i = 0; i < RUN; i++)
        leaving *= MULTIPLIER;
    if (body.len < RUN)
        return;
    hash = hash_of(body.ptr);
    for (size_t at = 0;; at++) {
        if (r->slots[slot_of(hash)] != 0)
            hide(r, body, at, hash);
        if (at + RUN == body.len)
            return;
        hash = hash * MULTIPLIER + (unsigned char)body.ptr[at + RUN] - leaving * (unsigned char)body.ptr[at];
    }
}

static struct text without_hidden(const struct runs *r, struct arena *arena)
{
    char *out = arena_array(arena, char, r->words.len * sizeof MASK);
    size_t len = 0;
    for (size_t i = 0; i < r->words.len; i++) {
        if (!r->hidden[i]) {
            out[len++] = r->words.ptr[i];
        } else if (i == 0 || !r->hidden[i - 1]) {
            memcpy(out + len, MASK, sizeof MASK - 1);
            len += sizeof MASK - 1;
        }
    }
    return (struct text){ out, len };
}

struct text mask_request(struct attempt *a, struct text words)
{
    struct text body = buf_view(&a->req->body);
    struct arena *arena = &a->req->arena;
    if (words.len < RUN || body.len < RUN)
        return words;
    if (body.len > BODY_MOST || words.len > WORDS_MOST)
        return TEXT(MASK);
    struct runs *r = arena_new(arena, struct runs);
    r->words = words;
    note_runs(r, a->req->ask.model, a->target->model);
    look_through(r, body);
    return without_hidden(r, arena);
}
