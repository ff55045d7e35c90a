/* litellm_spend.c - LiteLLM's paths for what was spent: sums of the same rows that /admin/v1/usage has. */
#include "admin/litellm.h"
#include "base/crypto.h"
#include "boot/date.h"
#include "money/nano.h"

/* A row's spend in nano-dollars; what is not priced is 0, as it is there. */
static int64_t spend_of(const struct json *row)
{
    struct text usd = json_str(json_member(row, "cost_usd"));
    int64_t nano;
    return usd.ptr != NULL && nano_parse(usd, &nano) == 0 ? nano : 0;
}

static void put_nano(struct json_writer *w, const char *name, int64_t nano)
{
    char usd[NANO_TEXT];
    json_key_plain(w, text_of(name));
    json_put_raw(w, text_of(nano_write(nano, 0, usd)));
}

static struct text member(const struct json *row, const char *name)
{
    return json_str(json_get(row, text_of(name)));
}

struct text litellm_spent(struct admin_call *call, const char *by, struct text name)
{
    const struct json *rows = admin_usage_rows(call, by, INT64_MIN, INT64_MAX);
    int64_t sum = 0;
    char usd[NANO_TEXT];
    for (size_t i = 0; i < json_count(rows); i++)
        if (text_eq(member(json_at(rows, i), by), name))
            sum += spend_of(json_at(rows, i));
    return text_of(arena_printf(call->arena, "%s", nano_write(sum, 0, usd)));
}

/* "2024-04-01" to "2024-04-30", both of them whole; without them, all there is. */
static int read_dates(struct admin_call *call, int64_t *since, int64_t *until)
{
    struct text start = admin_query(call, "start_date"), end = admin_query(call, "end_date");
    *since = INT64_MIN;
    *until = INT64_MAX;
    if ((start.ptr != NULL && (start.len != 10 || date_parse_moment(start, NULL, since) < 0)) ||
        (end.ptr != NULL && (end.len != 10 || date_parse(end, until) < 0)))
        return admin_refuse(call, 400, "invalid_query", "\"start_date\" and \"end_date\" take days such as 2026-12-31");
    return 0;
}

/* The rows of one day, which stand together: rows of a report with days are in their order. */
struct day {
    const struct json *rows;
    size_t from, to;
};

/* From `at` on; false: there is none. */
static bool next_day(const struct json *rows, size_t at, struct day *day)
{
    *day = (struct day){ .rows = rows, .from = at, .to = at };
    while (day->to < json_count(rows) &&
           text_eq(member(json_at(rows, day->to), "day"), member(json_at(rows, at), "day")))
        day->to++;
    return day->to > at;
}

/* More than this on one day is asked for by other words. */
enum { DAY_MOST = 3000 };

static int check_days(struct admin_call *call, const struct json *rows)
{
    struct day day;
    for (size_t at = 0; next_day(rows, at, &day); at = day.to)
        if (day.to - day.from > DAY_MOST)
            return admin_refuse(call, 400, "too_many_rows",
                                "there are more than %d combinations of team, model, key and user on one day: ask "
                                "/admin/v1/usage with fewer words",
                                DAY_MOST);
    return 0;
}

static bool seen_before(const struct day *day, size_t at, const char *word)
{
    for (size_t i = day->from; i < at; i++)
        if (text_eq(member(json_at(day->rows, i), word), member(json_at(day->rows, at), word)))
            return true;
    return false;
}

/* Of the day's rows with that value; `word` NULL: of all of them. */
static int64_t sum_of(const struct day *day, const char *word, struct text value)
{
    int64_t sum = 0;
    for (size_t i = day->from; i < day->to; i++)
        if (word == NULL || text_eq(member(json_at(day->rows, i), word), value))
            sum += spend_of(json_at(day->rows, i));
    return sum;
}

static void put_digest(struct admin_call *call, struct text key)
{
    char digest[2 * CRYPTO_SHA256_LEN + 1] = "";
    for (size_t i = 0; i < call->config->key_count; i++)
        if (text_eq(call->config->keys[i].name, key))
            crypto_hex(call->config->keys[i].digest, CRYPTO_SHA256_LEN, digest);
    json_name(&call->w, "api_key");
    json_put_str(&call->w, text_of(digest));
    json_name(&call->w, "key_alias");
    json_put_str(&call->w, key);
}

/* One of a day's groups, with a row for each of its models and keys. */
static void put_group(struct admin_call *call, const struct day *day, struct text value, const char *group,
                      const char *label)
{
    struct json_writer *w = &call->w;
    json_object(w);
    json_key_plain(w, text_of(label));
    json_put_str(w, value);
    put_nano(w, "total_spend", sum_of(day, group, value));
    json_name(w, "metadata");
    json_array(w);
    for (size_t i = day->from; i < day->to; i++) {
        const struct json *row = json_at(day->rows, i), *tokens = json_member(row, "tokens");
        if (!text_eq(member(row, group), value))
            continue;
        json_object(w);
        json_name(w, "model");
        json_put_str(w, member(row, "model"));
        put_nano(w, "spend", spend_of(row));
        int64_t total = 0;
        for (size_t t = 0; t < json_count(tokens); t++)
            total +=
                text_is(json_key_at(tokens, t), "reasoning") ? 0 : json_int(json_at(tokens, t), 0); /* is in output */
        json_name(w, "total_tokens");
        json_put_int(w, total);
        put_digest(call, member(row, "key"));
        json_close(w);
    }
    json_close(w);
    json_close(w);
}

int litellm_spend_report(struct admin_call *call)
{
    static const struct {
        const char *theirs, *ours, *list, *label;
    } groups[] = { { "team", "team", "teams", "team_name" },
                   { "customer", "user", "customers", "customer" },
                   { "api_key", "key", "api_keys", "key_name" } };
    struct text by = admin_query(call, "group_by");
    int64_t since, until;
    size_t g = 0, count = sizeof groups / sizeof groups[0];
    while (by.ptr != NULL && g < count && !text_is(by, groups[g].theirs))
        g++;
    if (g == count)
        return admin_refuse(call, 400, "invalid_query", "\"group_by\" takes team, customer or api_key");
    if (read_dates(call, &since, &until) < 0)
        return -1;
    const struct json *rows =
        admin_usage_rows(call, g == 1 ? "day,team,model,key,user" : "day,team,model,key", since, until);
    if (rows == NULL || check_days(call, rows) < 0)
        return -1;
    struct day day;
    json_array(&call->w);
    for (size_t at = 0; next_day(rows, at, &day); at = day.to) {
        json_object(&call->w);
        json_name(&call->w, "group_by_day");
        json_put_str(&call->w, text_of(arena_printf(call->arena, "%.*sT00:00:00+00:00",
                                                    TEXT_ARG(member(json_at(rows, at), "day")))));
        json_key_plain(&call->w, text_of(groups[g].list));
        json_array(&call->w);
        for (size_t k = day.from; k < day.to; k++)
            if (!seen_before(&day, k, groups[g].ours))
                put_group(call, &day, member(json_at(rows, k), groups[g].ours), groups[g].ours, groups[g].label);
        json_close(&call->w);
        json_close(&call->w);
    }
    json_close(&call->w);
    return 0;
}

/* {"name": spend} for each of that day. */
static void put_map(struct json_writer *w, const struct day *day, const char *name, const char *word)
{
    json_key_plain(w, text_of(name));
    json_object(w);
    for (size_t i = day->from; i < day->to; i++) {
        struct text value = member(json_at(day->rows, i), word);
        char usd[NANO_TEXT];
        if (seen_before(day, i, word))
            continue;
        json_key(w, value);
        json_put_raw(w, text_of(nano_write(sum_of(day, word, value), 0, usd)));
    }
    json_close(w);
}

/* Whole days; single requests are shown by their id. */
int litellm_spend_logs(struct admin_call *call)
{
    struct text request = admin_query(call, "request_id");
    int64_t since, until;
    if (request.len > 0) {
        call->parts[0] = request;
        json_array(&call->w);
        int result = admin_explain(call);
        json_close(&call->w);
        return result;
    }
    if (read_dates(call, &since, &until) < 0)
        return -1;
    const struct json *rows = admin_usage_rows(call, "day,team,model,key,user", since, until);
    if (rows == NULL || check_days(call, rows) < 0)
        return -1;
    struct day day;
    json_array(&call->w);
    for (size_t at = 0; next_day(rows, at, &day); at = day.to) {
        json_object(&call->w);
        json_name(&call->w, "startTime");
        json_put_str(&call->w, member(json_at(rows, at), "day"));
        put_nano(&call->w, "spend", sum_of(&day, NULL, TEXT_NONE));
        put_map(&call->w, &day, "users", "user");
        put_map(&call->w, &day, "models", "model");
        put_map(&call->w, &day, "api_keys", "key");
        json_close(&call->w);
    }
    json_close(&call->w);
    return 0;
}
