/* key_json.c - keys and teams as JSON. */
#include "boot/key_json.h"

#include "base/clock.h"
#include "boot/keybook.h"
#include "money/nano.h"
#include "money/period.h"

const char *key_json_state(const struct config_key *key)
{
    bool expired = key->expires_unix_ms != 0 && key->expires_unix_ms <= clock_unix_ms();
    return !key->enabled ? "off" : expired ? "expired" : "on";
}

static void put_date(struct json_writer *w, int64_t unix_ms)
{
    char stamp[25];
    if (unix_ms == 0) {
        json_put_null(w);
        return;
    }
    clock_rfc3339(unix_ms, stamp);
    json_put_str(w, text_of(stamp));
}

static void put_models(struct json_writer *w, const struct text *models, size_t count)
{
    json_name(w, "models");
    json_array(w);
    for (size_t i = 0; i < count; i++)
        json_put_str(w, models[i]);
    json_close(w);
}

static void put_budgets(struct json_writer *w, const struct config_budgets *budgets)
{
    json_name(w, "budgets");
    json_array(w);
    for (size_t i = 0; i < budgets->count; i++) {
        char usd[NANO_TEXT];
        json_object(w);
        json_name(w, "usd");
        json_put_str(w, text_of(nano_write(budgets->items[i].limit, 0, usd)));
        json_name(w, "per");
        json_put_str(w, text_of(period_name(budgets->items[i].period)));
        json_close(w);
    }
    json_close(w);
}

static void put_limits(struct json_writer *w, const struct config_rates *rates)
{
    const struct {
        const char *name;
        unsigned value;
    } all[] = { { "rpm", rates->rpm }, { "tpm", rates->tpm }, { "in_flight", rates->in_flight } };
    json_name(w, "limits");
    json_object(w);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].value == 0)
            continue;
        json_key_plain(w, text_of(all[i].name));
        json_put_int(w, all[i].value);
    }
    json_close(w);
}

static void put_priority(struct json_writer *w, enum config_priority priority)
{
    json_name(w, "priority");
    if (priority == PRIORITY_UNSET)
        json_put_null(w);
    else
        json_put_str(w, text_of(config_priority_name(priority)));
}

void key_json_write(const struct config_key *key, struct json_writer *w)
{
    char digest[2 * CRYPTO_SHA256_LEN + 1];
    crypto_hex(key->digest, sizeof key->digest, digest);
    json_object(w);
    json_name(w, "name");
    json_put_str(w, key->name);
    json_name(w, "team");
    json_put_str(w, key->team->name);
    json_name(w, "state");
    json_put_str(w, text_of(key_json_state(key)));
    json_name(w, "sha256");
    json_put_str(w, text_of(digest));
    json_name(w, "expires");
    put_date(w, key->expires_unix_ms);
    json_name(w, "project");
    json_put_str(w, key->project);
    json_name(w, "tags");
    json_put_str(w, key->tags);
    if (key->models == NULL) { /* those of its team */
        json_name(w, "models");
        json_put_null(w);
    } else {
        put_models(w, key->models, key->model_count);
    }
    put_budgets(w, &key->budgets);
    put_limits(w, &key->rates);
    put_priority(w, key->priority);
    json_name(w, "previous_ends");
    put_date(w, key->previous_until_unix_ms > clock_unix_ms() ? key->previous_until_unix_ms : 0);
    json_name(w, "from");
    json_put_str(w, key->made ? TEXT(KEYBOOK_FILE) : TEXT("gateway.lua"));
    json_close(w);
}

size_t key_json_count(const struct config *config, const struct config_team *team)
{
    size_t count = 0;
    for (size_t i = 0; i < config->key_count; i++)
        count += config->keys[i].team == team;
    return count;
}

void key_json_team(const struct config *config, const struct config_team *team, struct json_writer *w)
{
    static const struct text all = { "*", 1 };
    json_object(w);
    json_name(w, "name");
    json_put_str(w, team->name);
    json_name(w, "keys");
    json_put_int(w, (int64_t)key_json_count(config, team));
    if (team->models == NULL)
        put_models(w, &all, 1);
    else
        put_models(w, team->models, team->model_count);
    put_budgets(w, &team->budgets);
    put_limits(w, &team->rates);
    put_priority(w, team->priority);
    json_close(w);
}
