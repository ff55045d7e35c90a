/* clamp.c - lowers the limit of output tokens of what is about to be sent. A relayed body stays as it is but for the numbers; for a
 * provider that does not speak the client's dialect the request is written again. */
#include <string.h>

#include "flow/hold.h"
#include "flow/way.h"

/* A change of the body: `old` lies in it, or is the empty text at the place of what is put in. */
struct change {
    struct text old, new;
};

enum { CHANGES = 8, THINKING_LEAST = 1024 };

struct changes {
    struct arena *arena;
    struct change all[CHANGES];
    size_t count;
    int64_t limit;
    bool limited; /* the limit stood in the body */
};

static void put(struct changes *c, struct text old, const char *new)
{
    if (c->count < CHANGES)
        c->all[c->count++] = (struct change){ old, text_of(new) };
}

static void lower(struct changes *c, const struct scan_member *m, int64_t to)
{
    int64_t value;
    if (m != NULL && scan_int(m, &value) && value > to)
        put(c, m->value, arena_printf(c->arena, "%lld", (long long)to));
}

/* What a model thinks is part of its answer: it gets half at most. */
static void lower_thinking(struct changes *c, const struct scan *body, const char *member, const char *budget)
{
    const struct scan_member *m = scan_get(body, member);
    struct scan inner;
    if (m != NULL && m->type == '{' && scan_object(c->arena, m->value, SCAN_MAX_DEPTH, &inner) == 0)
        lower(c, scan_get(&inner, budget), c->limit / 2 > THINKING_LEAST ? c->limit / 2 : THINKING_LEAST);
}

/* `names`: what holds the limit, NULL-terminated; the first is put in where there is none. */
static void find_changes(struct changes *c, const struct scan *body, const char *const *names)
{
    const char *start = memchr(body->text.ptr, '{', body->text.len);
    for (size_t i = 0; names[i] != NULL; i++) {
        const struct scan_member *m = scan_get(body, names[i]);
        int64_t value;
        if (m == NULL)
            continue;
        c->limited = true;
        if (!scan_int(m, &value) || value <= 0 ||
            value > c->limit) /* -1, "5000", 5e3: some upstream may read it as more */
            put(c, m->value, arena_printf(c->arena, "%lld", (long long)c->limit));
    }
    if (!c->limited && start != NULL)
        put(c, (struct text){ start + 1, 0 },
            arena_printf(c->arena, "\"%s\":%lld%s", names[0], (long long)c->limit, body->count > 0 ? "," : ""));
    lower_thinking(c, body, "thinking", "budget_tokens");
    lower_thinking(c, body, "reasoning", "max_tokens");
}

/* Cuts the piece in which it lies. False: it lies in none. */
static bool change_piece(struct request *req, const struct change *change)
{
    const char *from = change->old.ptr, *to = from + change->old.len;
    for (size_t i = 0; i < req->piece_count; i++) {
        struct text piece = req->pieces[i];
        if (from < piece.ptr || to > piece.ptr + piece.len)
            continue;
        struct text *pieces = arena_array(&req->arena, struct text, req->piece_count + 2);
        if (pieces == NULL || req->arena.full)
            return false;
        memcpy(pieces, req->pieces, i * sizeof *pieces);
        pieces[i] = (struct text){ piece.ptr, (size_t)(from - piece.ptr) };
        pieces[i + 1] = change->new;
        pieces[i + 2] = (struct text){ to, (size_t)(piece.ptr + piece.len - to) };
        memcpy(pieces + i + 3, req->pieces + i + 1, (req->piece_count - i - 1) * sizeof *pieces);
        req->pieces = pieces;
        req->piece_count += 2;
        return true;
    }
    return false;
}

static bool clamp_relay(struct attempt *a, int64_t limit)
{
    struct request *req = a->req;
    static const char *const newer[] = { "max_completion_tokens", "max_tokens", NULL };
    struct changes c = { .arena = &req->arena, .limit = limit };
    const char *const *names = req->face->dialect->limits;
    if (names == NULL)
        return false;
    if (names[1] != NULL && bound_knows_newer(price_seller(a->target->provider)))
        names = newer; /* of two names the provider may know the newer one better */
    find_changes(&c, &req->ask.scan, names);
    bool ok = c.count > 0;
    for (size_t i = 0; ok && i < c.count; i++)
        ok = change_piece(req, &c.all[i]);
    a->send.body = req->pieces;
    a->send.body_count = req->piece_count;
    return ok;
}

static int by_place(const void *a, const void *b)
{
    const char *x = ((const struct change *)a)->old.ptr, *y = ((const struct change *)b)->old.ptr;
    return (x > y) - (x < y);
}

/* The body with the changes made; arena. */
static struct text changed(struct changes *c, struct text body)
{
    size_t len = body.len, at = 0;
    qsort(c->all, c->count, sizeof c->all[0], by_place);
    for (size_t i = 0; i < c->count; i++)
        len += c->all[i].new.len;
    char *out = arena_alloc(c->arena, len), *to = out;
    for (size_t i = 0; i < c->count; i++) {
        size_t from = (size_t)(c->all[i].old.ptr - body.ptr);
        to = (char *)memcpy(to, body.ptr + at, from - at) + (from - at);
        to = (char *)memcpy(to, c->all[i].new.ptr, c->all[i].new.len) + c->all[i].new.len;
        at = from + c->all[i].old.len;
    }
    memcpy(to, body.ptr + at, body.len - at);
    return (struct text){ out, (size_t)(to - out) + body.len - at };
}

/* The canonical form, lowered, and written by the plugin once more: it may sign what it writes. */
static bool clamp_translated(struct attempt *a, int64_t limit)
{
    struct request *req = a->req;
    static const char *const names[] = { "max_completion_tokens", "max_tokens", NULL };
    struct changes c = { .arena = &req->arena, .limit = limit };
    struct scan scan;
    struct fail fail;
    const struct json *canonical = req->face->canonical(&req->arena, &req->ask, &fail);
    if (canonical == NULL || scan_object(&req->arena, json_text(canonical), SCAN_MAX_DEPTH, &scan) < 0)
        return false;
    find_changes(&c, &scan, names);
    const struct json *body = json_parse_quick(&req->arena, changed(&c, json_text(canonical)));
    if (c.count == 0 || body == NULL || req->arena.full)
        return false;
    attempt_ask_again(a, body);
    return !attempt_has_failed(a);
}

bool clamp_to(struct attempt *a, int64_t limit)
{
    if (a->mode == MODE_RELAY ? !clamp_relay(a, limit) : !clamp_translated(a, limit))
        return false;
    a->clamped = limit;
    return true;
}
