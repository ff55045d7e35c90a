/* litellm_body.c - a body of LiteLLM's as one of this API. */
#include "admin/litellm.h"
#include "base/clock.h"
#include "boot/key_line.h"
#include "config/labels.h"

enum { BODY_MOST = 1 << 20 };

/* Periods here are a calendar's; a duration of that length means the period. */
static const struct {
    const char *theirs, *ours;
} periods[] = { { "1d", "day" },    { "24h", "day" },   { "86400s", "day" }, { "7d", "week" },  { "1w", "week" },
                { "30d", "month" }, { "31d", "month" }, { "28d", "month" },  { "1mo", "month" } };

static int put_budget(struct admin_call *call, const struct config_key *key, struct json_writer *w)
{
    const struct json *most = json_member(call->body, "max_budget");
    struct text duration = json_str(json_member(call->body, "budget_duration"));
    const char *per = duration.ptr == NULL ? "total" : NULL;
    for (size_t i = 0; i < sizeof periods / sizeof periods[0]; i++)
        if (text_is(duration, periods[i].theirs))
            per = periods[i].ours;
    if (per == NULL)
        return admin_refuse(
            call, 400, "invalid_body",
            "\"budget_duration\" \"%.*s\" is no period here: budgets begin anew each day (1d), week (7d) or month "
            "(30d), or never, without it",
            TEXT_ARG(duration));
    if (most != NULL && json_type(most) != JSON_T_NULL) {
        json_name(w, "budget");
        json_put_str(w, json_text(most));                                     /* its digits, never a double of them */
        if (duration.ptr != NULL || key == NULL || key->budgets.count == 0) { /* else the period of the key stays */
            json_name(w, "per");
            json_put_str(w, text_of(per));
        }
    } else if (duration.ptr != NULL) {
        return admin_refuse(call, 400, "invalid_body", "\"budget_duration\" is the period of \"max_budget\"");
    }
    return 0;
}

/* "30d": so long from now. */
static int put_expiry(struct admin_call *call, const struct config_key *key, struct json_writer *w)
{
    struct text duration = json_str(json_member(call->body, "duration"));
    char until[25];
    bool never = text_is(duration, "permanent") || text_is(duration, "-1"); /* null: not named, as in LiteLLM */
    if (never && key != NULL) {
        json_name(w, "expires");
        json_put_null(w);
    }
    if (never || duration.ptr == NULL)
        return 0;
    int64_t ms = text_ends(duration, TEXT("w")) ? -1 : key_line_grace_ms(duration);
    if (ms < 0)
        return admin_refuse(call, 400, "invalid_body", "\"duration\" takes a time such as 30s, 20m, 24h or 30d");
    clock_rfc3339(clock_unix_ms() + ms, until);
    json_name(w, "expires");
    json_put_str(w, text_of(until));
    return 0;
}

struct tags {
    struct text names[KEY_LINE_TAGS_MOST], values[KEY_LINE_TAGS_MOST];
    size_t count;
};

/* The last one of a name counts. */
static void add_tag(struct tags *t, struct text name, struct text value, struct json_writer *lost)
{
    size_t at = 0;
    while (at < t->count && !text_eq(t->names[at], name))
        at++;
    if (at == KEY_LINE_TAGS_MOST || !labels_is_tag(name, value)) {
        json_put_str(lost, name);
        return;
    }
    t->names[at] = name;
    t->values[at] = value;
    t->count += at == t->count;
}

static void add_metadata(struct tags *t, const struct json *metadata, struct json_writer *lost)
{
    for (size_t i = 0; i < json_count(metadata); i++) {
        const struct json *value = json_at(metadata, i);
        enum json_type type = json_type(value);
        struct text text = type == JSON_T_STR                              ? json_str(value)
                           : type == JSON_T_ARRAY || type == JSON_T_OBJECT ? TEXT("")
                                                                           : json_text(value);
        add_tag(t, json_key_at(metadata, i), text, lost);
    }
}

/* Those of the key, user_id, each plain member of metadata, and each of tags ("job:7" or "batch", which is batch=true). */
static void put_tags(struct admin_call *call, const struct config_key *key, struct json_writer *w,
                     struct json_writer *lost)
{
    const struct json *metadata = json_member(call->body, "metadata"), *tags = json_member(call->body, "tags");
    struct text user = json_str(json_member(call->body, "user_id"));
    struct tags all = { .count = 0 };
    if (user.ptr == NULL && json_count(metadata) == 0 && json_count(tags) == 0)
        return;
    for (struct text rest = key != NULL ? key->tags : TEXT_NONE; rest.len > 0;) {
        struct text value = text_cut(&rest, ','), name = text_cut(&value, '=');
        add_tag(&all, name, value, lost);
    }
    add_metadata(&all, metadata, lost);
    if (user.ptr != NULL)
        add_tag(&all, TEXT("user_id"), user, lost);
    for (size_t i = 0; i < json_count(tags); i++) {
        struct text value = json_str(json_at(tags, i)), name = text_cut(&value, ':');
        add_tag(&all, name, value.ptr != NULL ? value : TEXT("true"), lost);
    }
    json_name(w, "tags");
    json_object(w);
    for (size_t i = 0; i < all.count; i++) {
        json_key(w, all.names[i]);
        json_put_str(w, all.values[i]);
    }
    json_close(w);
}

/* Members of which nothing would hold here; they are named in the answer. */
static void put_lost(struct admin_call *call, struct json_writer *lost)
{
    static const char *const names[] = { "soft_budget",       "members_with_roles", "members", "admins",
                                         "send_invite_email", "organization_id",    NULL };
    for (size_t i = 0; names[i] != NULL; i++) {
        const struct json *value = json_get(call->body, text_of(names[i]));
        bool empty = json_type(value) == JSON_T_NULL || (json_type(value) == JSON_T_ARRAY && json_count(value) == 0);
        if (value != NULL && !empty)
            json_put_str(lost, text_of(names[i]));
    }
}

/* Members that change who may do what: they are empty, or refused. */
static int check_rights(struct admin_call *call)
{
    static const char *const names[] = { "aliases",          "config",  "permissions", "guardrails", "allowed_routes",
                                         "model_max_budget", "blocked", "key",         NULL };
    for (size_t i = 0; names[i] != NULL; i++) {
        const struct json *value = json_get(call->body, text_of(names[i]));
        bool empty = value == NULL || json_type(value) == JSON_T_NULL ||
                     (json_type(value) != JSON_T_STR && json_type(value) != JSON_T_BOOL && json_count(value) == 0) ||
                     (json_type(value) == JSON_T_BOOL && !json_bool(value, true));
        if (!empty && !(text_is(text_of(names[i]), "key") && strcmp(call->route->path, "/key/generate") != 0))
            return admin_refuse(
                call, 400, "invalid_body",
                "\"%s\" has no counterpart here, and without it the key would have other rights: leave it out",
                names[i]);
    }
    return 0;
}

static int write(struct admin_call *call, const struct config_key *key, struct json_writer *w, struct json_writer *lost)
{
    static const struct {
        const char *theirs, *ours;
    } counts[] = { { "rpm_limit", "rpm" }, { "tpm_limit", "tpm" }, { "max_parallel_requests", "in_flight" } };
    const struct json *models = json_member(call->body, "models");
    bool team = strcmp(call->route->path, "/team/new") == 0;
    json_object(w);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const struct json *value = json_get(call->body, text_of(counts[i].theirs));
        if (value == NULL)
            continue;
        json_key_plain(w, text_of(counts[i].ours));
        json_put_json(w, value);
    }
    if (json_count(models) > 0) {
        json_name(w, "models");
        json_put_json(w, models);
    } else if (json_type(models) == JSON_T_ARRAY && key != NULL) { /* an empty list is all models there */
        json_name(w, "models");
        json_put_null(w);
    }
    if (check_rights(call) < 0 || put_budget(call, key, w) < 0 || (!team && put_expiry(call, key, w) < 0))
        return -1;
    if (!team)
        put_tags(call, key, w, lost);
    else if (json_count(json_member(call->body, "metadata")) > 0)
        json_put_str(lost, TEXT("metadata"));
    put_lost(call, lost);
    json_close(w);
    return 0;
}

const struct json *litellm_body(struct admin_call *call, const struct config_key *key, struct json_writer *lost)
{
    const struct json *body = NULL;
    struct json_writer w;
    struct buf out;
    buf_init(&out, BODY_MOST);
    json_writer_init(&w, &out);
    if (write(call, key, &w, lost) == 0) {
        if (json_end(&w) == 0)
            body = json_parse(call->arena, arena_text(call->arena, buf_view(&out)), &call->fail);
        else
            admin_refuse(call, 400, "invalid_body", "the body is too large");
    }
    buf_free(&out);
    return body;
}
