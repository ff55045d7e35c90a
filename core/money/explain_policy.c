/* explain_policy.c - what policies decided on a request, for people. */
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

void explain_write_policies(const gw_store_row *row, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, NULL, 0, 1 << 20);
    const struct json *all = row->policies.len > 0 ? json_parse(&arena, call_text(row->policies), NULL) : NULL;
    for (size_t i = 0; i < json_count(all); i++)
        put_one(json_at(all, i), out);
    arena_fini(&arena);
}
