/* explain_policy.c - what policies decided on a request, and how its targets were chosen, for people. */
#include "money/explain_inside.h"
#include "plugin/call.h"

static void put_clean(const struct json *t, const char *name, const char *before, const char *after, struct buf *out)
{
    struct text value = json_str(json_get(t, text_of(name)));
    if (value.len == 0)
        return;
    buf_str(out, before);
    row_write_clean(call_str(value), out);
    buf_str(out, after);
}

/* One hook: `policy "guard" on_request: deny not_allowed at scripts/guard.lua:4 (a card number)`. */
static void put_one(const struct json *t, struct buf *out)
{
    const struct json *attempt = json_member(t, "attempt"), *notes = json_member(t, "notes");
    put_clean(t, "policy", "policy \"", "\"", out);
    put_clean(t, "hook", " ", "", out);
    if (attempt != NULL)
        buf_printf(out, " of attempt %lld", (long long)json_int(attempt, 0));
    buf_str(out, json_member(t, "observed") != NULL ? ": observed only, would " : ": ");
    if (json_member(t, "decision") == NULL)
        buf_str(out, "nothing");
    put_clean(t, "decision", "", "", out);
    put_clean(t, "model", " ", "", out);
    put_clean(t, "code", " ", "", out);
    put_clean(t, "at", " at ", "", out);
    put_clean(t, "reason", " (", ")", out);
    buf_str(out, "\n");
    for (size_t i = 0; i < json_count(notes); i++) {
        buf_str(out, "  note: ");
        row_write_clean(call_str(json_str(json_at(notes, i))), out);
        buf_str(out, "\n");
    }
}

/* `  openai/gpt-4o-mini: ejected for another 4.2 s, 3 in flight, weight 1`. */
static void put_target(const struct json *t, struct buf *out)
{
    static const struct {
        const char *name, *before, *after;
    } figures[] = { { "in_flight", "", " in flight" },
                    { "weight", "weight ", "" },
                    { "share_percent", "", " % of its share" },
                    { "first_token_ms", "first token after ", " ms" } };
    const struct json *left = json_member(t, "left_ms"), *figure;
    put_clean(t, "target", "  ", ": ", out);
    put_clean(t, "state", "", "", out);
    if (left != NULL)
        buf_printf(out, " for another %.1f s", (double)json_int(left, 0) / 1000);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        if ((figure = json_get(t, text_of(figures[i].name))) != NULL)
            buf_printf(out, ", %s%lld%s", figures[i].before, (long long)json_int(figure, 0), figures[i].after);
    put_clean(t, "expected_usd", ", ", " USD expected", out);
    buf_str(out, "\n");
}

/* `attempt 1 was chosen by weighted, after 120 ms in the queue:` and its targets. */
static void put_choice(const struct json *choice, struct buf *out)
{
    const struct json *targets = json_member(choice, "targets"), *queued = json_member(choice, "queued_ms"),
                      *least = json_member(choice, "least_tokens");
    buf_printf(out, "attempt %lld was chosen", (long long)json_int(json_member(choice, "route"), 0));
    put_clean(choice, "rule", " by ", "", out);
    if (queued != NULL)
        buf_printf(out, ", after %lld ms in the queue", (long long)json_int(queued, 0));
    if (least != NULL)
        buf_printf(out, ", for a prompt of at least %lld tokens", (long long)json_int(least, 0));
    buf_str(out, ":\n");
    for (size_t i = 0; i < json_count(targets); i++)
        put_target(json_at(targets, i), out);
}

void explain_write_policies(const gw_store_row *row, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *all = row->policies.len > 0 ? json_parse(&arena, call_text(row->policies), NULL) : NULL;
    for (size_t i = 0; i < json_count(all); i++)
        if (json_member(json_at(all, i), "route") != NULL)
            put_choice(json_at(all, i), out);
        else
            put_one(json_at(all, i), out);
    arena_fini(&arena);
}
