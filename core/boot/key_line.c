/* key_line.c - settings of a key as text of keys.lua, and back from a snapshot. */
#include "boot/key_line.h"

#include "base/clock.h"
#include "boot/lua_text.h"
#include "money/nano.h"
#include "money/period.h"

enum { SECRET_LEN = 43, STAMP_SECONDS = 19 /* of "2026-12-31T18:00:00.000Z", to its seconds */ };

/* Each byte of the alphabet is as likely. */
void key_line_make(const char *prefix, char secret[KEY_LINE_SECRET], char digest[KEY_LINE_DIGEST])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum { LETTERS = sizeof alphabet - 1, FAIR = 256 / LETTERS * LETTERS };
    uint8_t bytes[CRYPTO_SHA256_LEN];
    size_t len = (size_t)snprintf(secret, KEY_LINE_SECRET, "%s", prefix), end = len + SECRET_LEN;
    while (len < end) {
        uint8_t byte;
        crypto_random(&byte, 1);
        if (byte < FAIR)
            secret[len++] = alphabet[byte % LETTERS];
    }
    secret[len] = '\0';
    crypto_sha256((struct text){ secret, len }, bytes);
    crypto_hex(bytes, sizeof bytes, digest);
}

void key_line_settings(const struct key_line *line, struct buf *out)
{
    const struct {
        const char *name;
        int64_t value;
    } counts[] = { { "rpm", line->rpm }, { "tpm", line->tpm }, { "in_flight", line->in_flight } };
    bool first = true;
    if (line->usd.ptr != NULL) {
        buf_str(out, ", budget = { usd = ");
        lua_text_string(out, line->usd);
        buf_str(out, ", per = ");
        lua_text_string(out, line->per.ptr != NULL ? line->per : TEXT("month"));
        buf_str(out, " }");
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (counts[i].value < 0)
            continue;
        buf_printf(out, "%s%s = %lld", first ? ", limits = { " : ", ", counts[i].name, (long long)counts[i].value);
        first = false;
    }
    if (!first)
        buf_str(out, " }");
    if (line->priority.ptr != NULL) {
        buf_str(out, ", priority = ");
        lua_text_string(out, line->priority);
    }
}

void key_line_models(const struct key_line *line, struct buf *out)
{
    buf_str(out, "{");
    for (size_t i = 0; i < line->model_count; i++) {
        buf_str(out, i == 0 ? " " : ", ");
        lua_text_string(out, line->models[i]);
    }
    buf_str(out, line->model_count > 0 ? " }" : "}");
}

static int write_tags(struct text tags, struct buf *out, struct fail *fail)
{
    bool first = true;
    for (struct text rest = tags; rest.len > 0;) {
        struct text value = text_cut(&rest, ','), name = text_cut(&value, '=');
        if (value.ptr == NULL)
            return fail_set(fail, FAIL_CLIENT, "tags are \"name=value,name=value\", not \"%.*s\"", TEXT_ARG(tags));
        buf_str(out, first ? ", tags = { [" : ", [");
        lua_text_string(out, name);
        buf_str(out, "] = ");
        lua_text_string(out, value);
        first = false;
    }
    buf_str(out, first ? "" : " }");
    return 0;
}

static void write_text(const char *name, struct text value, struct buf *out)
{
    if (value.ptr == NULL)
        return;
    buf_printf(out, ", %s = ", name);
    lua_text_string(out, value);
}

int key_line_rest(const struct key_line *line, struct text team, struct text made, struct buf *out, struct fail *fail)
{
    buf_str(out, "team = ");
    lua_text_string(out, team);
    key_line_settings(line, out);
    if (line->has_models) {
        buf_str(out, ", models = ");
        key_line_models(line, out);
    }
    write_text("expires", line->expires, out);
    write_text("project", line->project, out);
    if (write_tags(line->tags, out, fail) < 0)
        return -1;
    buf_printf(out, " } -- made %.*s", TEXT_ARG(made));
    return 0;
}

/* One budget, of the words that a command has. */
static int take_budget(const struct config_key *key, struct arena *arena, struct key_line *line, struct fail *fail)
{
    const struct config_budget *b = key->budgets.items;
    if (key->budgets.count == 0)
        return 0;
    if (key->budgets.count > 1 || b->alert != NULL || b->raise_until_ms > 0 || b->zone != NULL || b->only_report)
        return fail_set(fail, FAIL_CLIENT,
                        "the key \"%.*s\" has a budget that was written by hand: change it in keys.lua",
                        TEXT_ARG(key->name));
    char usd[NANO_TEXT];
    line->usd = text_of(arena_printf(arena, "%s", nano_write(b->limit, 0, usd)));
    line->per = text_of(period_name(b->period));
    return 0;
}

static int64_t limit_of(unsigned value)
{
    return value > 0 ? (int64_t)value : -1;
}

int key_line_of(const struct config_key *key, struct arena *arena, struct key_line *line, struct fail *fail)
{
    *line = (struct key_line)KEY_LINE_NONE;
    if (key->of_session.count > 0)
        return fail_set(fail, FAIL_CLIENT,
                        "the key \"%.*s\" has a session_budget, which was written by hand: change it in keys.lua",
                        TEXT_ARG(key->name));
    if (take_budget(key, arena, line, fail) < 0)
        return -1;
    line->rpm = limit_of(key->rates.rpm);
    line->tpm = limit_of(key->rates.tpm);
    line->in_flight = limit_of(key->rates.in_flight);
    if (key->priority != PRIORITY_UNSET)
        line->priority = text_of(config_priority_name(key->priority));
    if (key->expires_unix_ms != 0) {
        char stamp[25];
        clock_rfc3339(key->expires_unix_ms, stamp);
        line->expires = text_of(arena_printf(arena, "%.*sZ", (int)STAMP_SECONDS, stamp));
    }
    line->project = key->project.len > 0 ? key->project : TEXT_NONE;
    line->models = key->models;
    line->model_count = key->model_count;
    line->has_models = key->models != NULL;
    line->tags = key->tags;
    return 0;
}

int64_t key_line_grace_ms(struct text t)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = { { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t number;
        if (!text_ends(t, text_of(units[i].unit)))
            continue;
        t.len--;
        return text_parse_u63(t, &number) == 0 && number <= 3660 * (86400000 / units[i].ms) ? number * units[i].ms : -1;
    }
    return -1;
}
