/* litellm.c - LiteLLM's paths for keys and teams: this API's own handlers behind other names. */
#include "admin/litellm.h"
#include "base/clock.h"
#include "boot/key_json.h"
#include "boot/reload.h"
#include "money/nano.h"

enum { ANSWER_MOST = 4 << 20, LOST_MOST = 64 << 10, DELETE_MOST = 100 };

/* ---- a call of this API from within ---- */

/* Runs a handler with another body; its answer as JSON, NULL after call->fail. */
static const struct json *run_own(struct admin_call *call, int (*run)(struct admin_call *), const struct json *body)
{
    struct json_writer kept = call->w;
    const struct json *answer = NULL;
    struct buf out;
    buf_init(&out, ANSWER_MOST);
    json_writer_init(&call->w, &out);
    call->body = body;
    if (run(call) == 0 && json_end(&call->w) == 0)
        answer = json_parse(call->arena, arena_text(call->arena, buf_view(&out)), &call->fail);
    buf_free(&out);
    call->w = kept;
    return answer;
}

/* The translated body with a name and, of a key, its team. */
static const struct json *with_names(struct admin_call *call, const struct json *body, struct text name,
                                     struct text team)
{
    struct json_writer w;
    struct buf out;
    buf_init(&out, ANSWER_MOST);
    json_writer_init(&w, &out);
    json_object(&w);
    json_name(&w, "name");
    json_put_str(&w, name);
    if (team.ptr != NULL) {
        json_name(&w, "team");
        json_put_str(&w, team);
    }
    for (size_t i = 0; i < json_count(body); i++) {
        json_key(&w, json_key_at(body, i));
        json_put_json(&w, json_at(body, i));
    }
    json_close(&w);
    const struct json *all =
        json_end(&w) == 0 ? json_parse(call->arena, arena_text(call->arena, buf_view(&out)), &call->fail) : NULL;
    buf_free(&out);
    return all;
}

/* ---- keys ---- */

static void put_number(struct json_writer *w, const char *name, unsigned value)
{
    json_key_plain(w, text_of(name));
    if (value > 0)
        json_put_int(w, value);
    else
        json_put_null(w);
}

static void put_budget(struct json_writer *w, const struct config_budgets *budgets)
{
    static const char *const durations[] = {
        [PERIOD_DAY] = "1d", [PERIOD_WEEK] = "7d", [PERIOD_MONTH] = "30d", [PERIOD_TOTAL] = NULL
    };
    char usd[NANO_TEXT];
    const char *duration = budgets->count > 0 ? durations[budgets->items[0].period] : NULL;
    json_name(w, "max_budget");
    if (budgets->count > 0)
        json_put_raw(w, text_of(nano_write(budgets->items[0].limit, 0, usd)));
    else
        json_put_null(w);
    json_name(w, "budget_duration");
    if (duration != NULL)
        json_put_str(w, text_of(duration));
    else
        json_put_null(w);
}

static void put_limits(struct json_writer *w, const struct config_rates *rates)
{
    put_number(w, "tpm_limit", rates->tpm);
    put_number(w, "rpm_limit", rates->rpm);
    put_number(w, "max_parallel_requests", rates->in_flight);
}

static void put_models(struct json_writer *w, const struct text *models, size_t count)
{
    json_name(w, "models");
    json_array(w);
    for (size_t i = 0; i < count; i++)
        json_put_str(w, models[i]);
    json_close(w);
}

/* "a=1,user_id=x": metadata and the user. */
static void put_metadata(struct json_writer *w, struct text tags)
{
    struct text user = TEXT_NONE;
    json_name(w, "metadata");
    json_object(w);
    while (tags.len > 0) {
        struct text value = text_cut(&tags, ','), name = text_cut(&value, '=');
        if (text_is(name, "user_id")) {
            user = value;
            continue;
        }
        json_key(w, name);
        json_put_str(w, value);
    }
    json_close(w);
    json_name(w, "user_id");
    if (user.ptr != NULL)
        json_put_str(w, user);
    else
        json_put_null(w);
}

/* The members of a key; inside of an object. */
static void put_key(struct admin_call *call, struct json_writer *w, const struct config_key *key, bool with_spend)
{
    char digest[2 * CRYPTO_SHA256_LEN + 1], stamp[25];
    crypto_hex(key->digest, sizeof key->digest, digest);
    json_name(w, "token");
    json_put_str(w, text_of(digest));
    json_name(w, "key_alias");
    json_put_str(w, key->name);
    json_name(w, "team_id");
    json_put_str(w, key->team->name);
    put_models(w, key->models, key->model_count);
    put_budget(w, &key->budgets);
    put_limits(w, &key->rates);
    put_metadata(w, key->tags);
    json_name(w, "blocked");
    json_put_bool(w, !key->enabled);
    json_name(w, "expires");
    if (key->expires_unix_ms == 0) {
        json_put_null(w);
    } else {
        clock_rfc3339(key->expires_unix_ms, stamp);
        json_put_str(w, text_of(stamp));
    }
    json_name(w, "spend");
    json_put_raw(w, with_spend ? litellm_spent(call, "key", key->name) : TEXT("0.0"));
}

/* By what a script has of it: the key itself, its digest, or its alias. Only one that the caller may see; NULL after call->fail. */
static const struct config_key *find_key(struct admin_call *call, struct text shown)
{
    uint8_t digest[CRYPTO_SHA256_LEN];
    const struct config_key *found = NULL;
    if (crypto_parse_hex(shown, digest, sizeof digest) == 0)
        found = config_key(call->config, digest);
    crypto_sha256(shown, digest);
    if (found == NULL)
        found = config_key(call->config, digest);
    for (size_t i = 0; i < call->config->key_count && found == NULL; i++)
        if (text_eq(call->config->keys[i].name, shown))
            found = &call->config->keys[i];
    if (found != NULL && admin_sees(call, found->team->name))
        return found;
    /* What was shown may be a key: it is not repeated. */
    admin_refuse(call, 404, "not_found", "there is no such key");
    return NULL;
}

static void refresh(struct admin_call *call)
{
    config_unref(call->config);
    call->config = reload_config(call->admin->parts.reload);
}

/* What has no place here, as a list. */
struct lost {
    struct buf names;
    struct json_writer w;
};

static const struct json *begin_body(struct admin_call *call, const struct config_key *key, struct lost *lost)
{
    buf_init(&lost->names, LOST_MOST);
    json_writer_init(&lost->w, &lost->names);
    json_array(&lost->w);
    const struct json *body = litellm_body(call, key, &lost->w);
    json_close(&lost->w);
    return body;
}

static void end_body(struct admin_call *call, struct lost *lost, bool good)
{
    if (good && json_end(&lost->w) == 0) {
        json_name(&call->w, "not_carried");
        json_put_raw(&call->w, buf_view(&lost->names));
    }
    buf_free(&lost->names);
}

int litellm_key_generate(struct admin_call *call)
{
    struct text team = json_str(json_member(call->body, "team_id")),
                name = json_str(json_member(call->body, "key_alias"));
    char made[24], random[2 * 6 + 1];
    uint8_t bytes[6];
    struct lost lost;
    if (name.len == 0) {
        crypto_random(bytes, sizeof bytes);
        crypto_hex(bytes, sizeof bytes, random);
        snprintf(made, sizeof made, "key-%s", random);
        name = text_of(made);
    }
    const struct json *body = begin_body(call, NULL, &lost);
    body = body != NULL ? with_names(call, body, name, team.len > 0 ? team : TEXT("default")) : NULL;
    const struct json *own = body != NULL ? run_own(call, admin_keys_create, body) : NULL;
    struct text secret = json_str(json_member(own, "key"));
    if (own != NULL)
        refresh(call);
    const struct config_key *key = own != NULL ? find_key(call, name) : NULL;
    if (key != NULL) {
        json_object(&call->w);
        json_name(&call->w, "key");
        json_put_str(&call->w, secret);
        json_name(&call->w, "key_name");
        json_put_str(&call->w, text_of(arena_printf(call->arena, "sk-...%.4s", secret.ptr + secret.len - 4)));
        put_key(call, &call->w, key, false);
    }
    end_body(call, &lost, key != NULL);
    if (key != NULL)
        json_close(&call->w);
    return key != NULL ? 0 : -1;
}

int litellm_key_info(struct admin_call *call)
{
    struct text shown = admin_query(call, "key");
    if (shown.len == 0)
        return admin_refuse(call, 400, "invalid_query", "\"key\" names the key, by itself, its digest or its alias");
    const struct config_key *key = find_key(call, shown);
    if (key == NULL)
        return -1;
    char digest[2 * CRYPTO_SHA256_LEN + 1];
    crypto_hex(key->digest, sizeof key->digest, digest);
    json_object(&call->w);
    json_name(&call->w, "key");
    json_put_str(&call->w, text_of(digest));
    json_name(&call->w, "info");
    json_object(&call->w);
    put_key(call, &call->w, key, true);
    json_close(&call->w);
    json_close(&call->w);
    return 0;
}

int litellm_key_update(struct admin_call *call)
{
    const struct config_key *key = find_key(call, json_str(json_member(call->body, "key")));
    struct lost lost;
    if (key == NULL)
        return -1;
    struct text name = arena_text(call->arena, key->name);
    call->parts[0] = name;
    const struct json *body = begin_body(call, key, &lost);
    key = body != NULL && run_own(call, admin_keys_update, body) != NULL ? find_key(call, name) : NULL;
    if (key != NULL) {
        json_object(&call->w);
        put_key(call, &call->w, key, true);
    }
    end_body(call, &lost, key != NULL);
    if (key != NULL)
        json_close(&call->w);
    return key != NULL ? 0 : -1;
}

/* All of them are found before the first one is revoked. */
int litellm_key_delete(struct admin_call *call)
{
    static const char *const lists[] = { "keys", "key_aliases" };
    const struct json *asked = call->body;
    size_t count = json_count(json_member(asked, "keys")) + json_count(json_member(asked, "key_aliases")), n = 0;
    struct text *names = arena_array(call->arena, struct text, count + 1);
    if (count > DELETE_MOST)
        return admin_refuse(call, 400, "invalid_body", "at most %d keys are deleted at a time", DELETE_MOST);
    if (count == 0)
        return admin_refuse(call, 400, "invalid_body", "\"keys\" or \"key_aliases\" names what is to be deleted");
    for (size_t l = 0; l < 2; l++) {
        const struct json *list = json_get(asked, text_of(lists[l]));
        for (size_t i = 0; i < json_count(list); i++) {
            const struct config_key *key = find_key(call, json_str(json_at(list, i)));
            if (key == NULL)
                return -1;
            size_t seen = 0;
            while (seen < n && !text_eq(names[seen], key->name))
                seen++;
            if (seen == n)
                names[n++] = arena_text(call->arena, key->name);
        }
    }
    for (size_t i = 0; i < n; i++) {
        call->parts[0] = names[i];
        if (run_own(call, admin_keys_revoke, NULL) == NULL)
            return -1;
    }
    json_object(&call->w);
    json_name(&call->w, "deleted_keys");
    json_array(&call->w);
    for (size_t i = 0; i < n; i++)
        json_put_str(&call->w, names[i]);
    json_close(&call->w);
    json_close(&call->w);
    return 0;
}

/* ---- teams ---- */

static const struct config_team *find_team(struct admin_call *call, struct text name)
{
    for (size_t i = 0; i < call->config->team_count; i++)
        if (text_eq(call->config->teams[i].name, name) && admin_sees(call, name))
            return &call->config->teams[i];
    admin_refuse(call, 404, "not_found", "there is no team \"%.*s\"", TEXT_ARG(name));
    return NULL;
}

static void put_team(struct admin_call *call, const struct config_team *team)
{
    struct json_writer *w = &call->w;
    json_name(w, "team_id");
    json_put_str(w, team->name);
    json_name(w, "team_alias");
    json_put_str(w, team->name);
    put_models(w, team->models, team->model_count);
    put_budget(w, &team->budgets);
    put_limits(w, &team->rates);
    json_name(w, "spend");
    json_put_raw(w, litellm_spent(call, "team", team->name));
}

int litellm_team_new(struct admin_call *call)
{
    struct text id = json_str(json_member(call->body, "team_id")),
                alias = json_str(json_member(call->body, "team_alias"));
    struct text name = alias.len > 0 ? alias : id;
    struct lost lost;
    if (name.len == 0)
        return admin_refuse(call, 400, "invalid_body", "\"team_alias\" names the team");
    if (id.len > 0 && alias.len > 0 && !text_eq(id, alias))
        return admin_refuse(call, 400, "invalid_body",
                            "a team has one name here: give \"team_alias\" and \"team_id\" the same");
    const struct json *body = begin_body(call, NULL, &lost);
    body = body != NULL ? with_names(call, body, name, TEXT_NONE) : NULL;
    const struct config_team *team =
        body != NULL && run_own(call, admin_teams_create, body) != NULL ? find_team(call, name) : NULL;
    if (team != NULL) {
        json_object(&call->w);
        put_team(call, team);
    }
    end_body(call, &lost, team != NULL);
    if (team != NULL)
        json_close(&call->w);
    return team != NULL ? 0 : -1;
}

int litellm_team_info(struct admin_call *call)
{
    struct text id = admin_query(call, "team_id");
    const struct config_team *team = find_team(call, id);
    if (team == NULL)
        return -1;
    json_object(&call->w);
    json_name(&call->w, "team_id");
    json_put_str(&call->w, team->name);
    json_name(&call->w, "team_info");
    json_object(&call->w);
    put_team(call, team);
    json_close(&call->w);
    json_name(&call->w, "keys");
    json_array(&call->w);
    for (size_t i = 0; i < call->config->key_count; i++) {
        if (call->config->keys[i].team != team)
            continue;
        json_object(&call->w);
        put_key(call, &call->w, &call->config->keys[i], false);
        json_close(&call->w);
    }
    json_close(&call->w);
    json_close(&call->w);
    return 0;
}
