/* keys.c - /admin/v1/keys. */
#include "admin/change.h"
#include "base/clock.h"
#include "boot/key_json.h"
#include "boot/reload.h"

enum { LINE_MOST = 1 << 20 };

static const struct config_key *find_key(const struct config *config, struct text name)
{
    for (size_t i = 0; i < config->key_count; i++)
        if (text_eq(config->keys[i].name, name))
            return &config->keys[i];
    return NULL;
}

/* The key of the path; NULL after call->fail, also where it is another team's: what one may not see is not there. */
static const struct config_key *need_key(struct admin_call *call)
{
    const struct config_key *key = find_key(call->config, call->parts[0]);
    if (key != NULL && admin_sees(call, key->team->name))
        return key;
    admin_refuse(call, 404, "not_found", "there is no key \"%.*s\"", TEXT_ARG(call->parts[0]));
    return NULL;
}

static struct text as_json(struct admin_call *call, const struct config_key *key)
{
    struct json_writer w;
    struct buf out;
    buf_init(&out, LINE_MOST);
    json_writer_init(&w, &out);
    key_json_write(key, &w);
    struct text json = json_end(&w) == 0 ? arena_text(call->arena, buf_view(&out)) : TEXT_NONE;
    buf_free(&out);
    return json;
}

int admin_keys_list(struct admin_call *call)
{
    struct text team = admin_query(call, "team");
    json_array(&call->w);
    for (size_t i = 0; i < call->config->key_count; i++) {
        const struct config_key *key = &call->config->keys[i];
        if (admin_sees(call, key->team->name) && (team.ptr == NULL || text_eq(team, key->team->name)))
            key_json_write(key, &call->w);
    }
    json_close(&call->w);
    return 0;
}

int admin_keys_show(struct admin_call *call)
{
    const struct config_key *key = need_key(call);
    if (key == NULL)
        return -1;
    key_json_write(key, &call->w);
    return 0;
}

/* The secret stands in the answer alone. */
static void put_secret(struct admin_call *call, struct text name, char secret[KEY_LINE_SECRET])
{
    json_object(&call->w);
    json_name(&call->w, "name");
    json_put_str(&call->w, name);
    json_name(&call->w, "key");
    json_put_str(&call->w, text_of(secret));
    json_close(&call->w);
    crypto_wipe(secret, KEY_LINE_SECRET);
}

/* The body without any secret, for the audit log. */
static struct text body_of(const struct admin_call *call)
{
    return json_text(call->body);
}

static int create(struct change *change)
{
    struct admin_call *call = change->call;
    struct text team = json_str(json_member(call->body, "team")), name = json_str(json_member(call->body, "name"));
    struct key_line line = KEY_LINE_NONE;
    char secret[KEY_LINE_SECRET], digest[KEY_LINE_DIGEST], now[25];
    struct buf rest;
    if (find_key(call->config, name) != NULL || keybook_has(change->book, name))
        return admin_refuse(call, 409, "exists", "there is a key \"%.*s\" already: take another name, or rotate it",
                            TEXT_ARG(name));
    if (change_settings(call, &line) < 0 || change_is_within(call, &line) < 0)
        return -1;
    clock_rfc3339(clock_unix_ms(), now);
    key_line_make("sk-gw-", secret, digest);
    buf_init(&rest, LINE_MOST);
    int result = key_line_rest(&line, team, text_of(now), &rest, &call->fail);
    if (result == 0) {
        struct keybook_key made = { .enabled = true, .sha256 = text_of(digest), .rest = buf_view(&rest) };
        keybook_put(change->book, name, &made);
        result = change_apply(change, name, TEXT_NONE, body_of(call));
    }
    buf_free(&rest);
    if (result == 0)
        put_secret(call, name, secret);
    crypto_wipe(secret, sizeof secret);
    return result;
}

int admin_keys_create(struct admin_call *call)
{
    struct text team = json_str(json_member(call->body, "team")), name = json_str(json_member(call->body, "name"));
    if (name.len == 0)
        return admin_refuse(call, 400, "invalid_body", "\"name\" is empty: it is how logs and reports call the key");
    if (!admin_sees(call, team))
        return admin_refuse(call, 403, "other_team", "this credential makes keys of the team \"%.*s\" alone",
                            TEXT_ARG(call->caller.team));
    return change_run(call, create);
}

/* The line that the book has of the key, which may not be one of gateway.lua. */
static const struct config_key *find_line(struct change *change, struct keybook_key *line)
{
    struct admin_call *call = change->call;
    const struct config_key *key = need_key(call);
    if (key == NULL)
        return NULL;
    if (!key->made) {
        admin_refuse(call, 409, "declared", "the key \"%.*s\" is declared in gateway.lua: change it there",
                     TEXT_ARG(key->name));
        return NULL;
    }
    if (keybook_find(change->book, key->name, line, &call->fail))
        return key;
    call->fail.status = 409;
    call->fail.code = "written_by_hand";
    return NULL;
}

/* When it was made stands behind its settings. */
static struct text made_of(struct text rest)
{
    static const struct text mark = { "} -- made ", 10 };
    for (size_t at = rest.len; at >= mark.len; at--) /* the last one: a tag may have such words */
        if (text_starts((struct text){ rest.ptr + at - mark.len, rest.len - at + mark.len }, mark))
            return (struct text){ rest.ptr + at, rest.len - at };
    return TEXT("by hand");
}

static int update(struct change *change)
{
    struct admin_call *call = change->call;
    struct keybook_key line;
    struct key_line settings;
    struct buf rest;
    const struct config_key *key = find_line(change, &line);
    if (key == NULL)
        return -1;
    if (key_line_of(key, call->arena, &settings, &call->fail) < 0) {
        call->fail.status = 409;
        call->fail.code = "written_by_hand";
        return -1;
    }
    if (change_settings(call, &settings) < 0 || change_is_within(call, &settings) < 0)
        return -1;
    struct text from = as_json(call, key), name = arena_text(call->arena, key->name);
    buf_init(&rest, LINE_MOST);
    int result =
        key_line_rest(&settings, key->team->name, arena_text(call->arena, made_of(line.rest)), &rest, &call->fail);
    if (result == 0) {
        /* What is lent of the book ends with the first change of it. */
        line.sha256 = arena_text(call->arena, line.sha256);
        line.previous = arena_text(call->arena, line.previous);
        line.rest = buf_view(&rest);
        keybook_put(change->book, name, &line);
        result = change_apply(change, name, from, body_of(call));
    }
    buf_free(&rest);
    if (result < 0)
        return -1;
    config_unref(call->config);
    call->config = reload_config(call->admin->parts.reload);
    key = find_key(call->config, name);
    if (key == NULL)
        return admin_refuse(call, 409, "gone", "the key is gone: another change came between");
    key_json_write(key, &call->w);
    return 0;
}

int admin_keys_update(struct admin_call *call)
{
    return change_run(call, update);
}

static int rotate(struct change *change)
{
    struct admin_call *call = change->call;
    char secret[KEY_LINE_SECRET], digest[KEY_LINE_DIGEST], until[25];
    struct text grace = json_str(json_member(call->body, "grace"));
    int64_t grace_ms = grace.ptr != NULL ? key_line_grace_ms(grace) : 0;
    struct keybook_key line;
    struct key_line settings;
    if (grace_ms < 0)
        return admin_refuse(call, 400, "invalid_body", "\"grace\" takes a time such as 30s, 10m, 24h or 7d");
    const struct config_key *key = find_line(change, &line);
    if (key == NULL)
        return -1;
    if (!line.enabled)
        return admin_refuse(call, 409, "revoked", "the key \"%.*s\" is revoked: make another one", TEXT_ARG(key->name));
    /* Who gets the secret gets what the key may do. */
    if (call->caller.role == ROLE_KEY_MAKER &&
        (key_line_of(key, call->arena, &settings, &call->fail) < 0 || change_is_within(call, &settings) < 0)) {
        call->fail.status = 403;
        return -1;
    }
    clock_rfc3339(clock_unix_ms() + grace_ms, until);
    line.previous =
        grace_ms > 0
            ? text_of(arena_printf(call->arena, "{ sha256 = \"%.*s\", ends = \"%s\" }", TEXT_ARG(line.sha256), until))
            : TEXT_NONE;
    key_line_make("sk-gw-", secret, digest);
    line.sha256 = text_of(digest);
    line.rest = arena_text(call->arena, line.rest);
    struct text name = arena_text(call->arena, key->name);
    keybook_put(change->book, name, &line);
    int result = change_apply(change, name, TEXT_NONE, body_of(call));
    if (result == 0)
        put_secret(call, name, secret);
    crypto_wipe(secret, sizeof secret);
    return result;
}

int admin_keys_rotate(struct admin_call *call)
{
    return change_run(call, rotate);
}

static int revoke(struct change *change)
{
    struct admin_call *call = change->call;
    struct keybook_key line;
    const struct config_key *key = find_line(change, &line);
    if (key == NULL)
        return -1;
    struct text from = as_json(call, key), name = arena_text(call->arena, key->name);
    line.enabled = false;
    line.previous = TEXT_NONE;
    line.sha256 = arena_text(call->arena, line.sha256);
    line.rest = arena_text(call->arena, line.rest);
    keybook_put(change->book, name, &line);
    if (change_revoke(change, name, from) < 0)
        return -1;
    json_object(&call->w);
    json_name(&call->w, "name");
    json_put_str(&call->w, name);
    json_name(&call->w, "state");
    json_put_str(&call->w, TEXT("off"));
    json_close(&call->w);
    return 0;
}

int admin_keys_revoke(struct admin_call *call)
{
    return change_run(call, revoke);
}
