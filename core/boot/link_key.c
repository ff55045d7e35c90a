/* link_key.c - teams and keys: who may come in, and what they may ask for. */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/map.h"
#include "boot/date.h"
#include "boot/link.h"
#include "config/labels.h"

static struct text *copy_models(struct link *l, const struct declare_texts *said, int line, const char *where,
                                size_t *count);
static void link_key(struct link *l, const struct declare_key *said, struct map *names, struct config_key *key);

static enum config_priority priority_of(struct text said)
{
    for (unsigned i = PRIORITY_CRITICAL; i < PRIORITIES; i++)
        if (text_is(said, config_priority_name((enum config_priority)i)))
            return (enum config_priority)i;
    return PRIORITY_UNSET;
}

static struct text *copy_texts(struct link *l, const struct declare_texts *said, size_t *count)
{
    struct text *out = arena_array(l->arena, struct text, said->count + 1);
    for (size_t i = 0; i < said->count; i++)
        out[i] = arena_text(l->arena, said->items[i]);
    *count = said->count;
    return out;
}

/* A word that no target has is most likely a slip; it is safe: nothing answers then. */
static void warn_words(struct link *l, int line, const char *where, const char *what, const struct declare_texts *said,
                       size_t offset)
{
    for (size_t i = 0; i < said->count; i++) {
        bool known = false;
        for (size_t m = 0; m < l->config->model_count && !known; m++)
            for (size_t t = 0; t < l->config->models[m].target_count && !known; t++) {
                const struct config_target *target = &l->config->models[m].targets[t];
                known = text_eq(*(const struct text *)(const void *)((const char *)target + offset), said->items[i]);
            }
        if (!known)
            link_warn(l, line, "%s: require: no target of a model has the %s \"%.*s\"", where, what,
                      TEXT_ARG(said->items[i]));
    }
}

static void warn_require(struct link *l, const struct declare_team *said, const char *where)
{
    warn_words(l, said->line, where, "region", &said->require.regions, offsetof(struct config_target, region));
    warn_words(l, said->line, where, "retention", &said->require.retentions, offsetof(struct config_target, retention));
}

void link_teams(struct link *l)
{
    struct config *config = l->config;
    struct map seen;
    size_t count = 1;

    for (const struct declare_team *said = l->declared->teams; said != NULL; said = said->next)
        count++;
    config->teams = arena_array(l->arena, struct config_team, count);
    config->teams[config->team_count++].name = TEXT("default");
    config->default_team = &config->teams[0];
    map_init(&seen);
    for (const struct declare_team *said = l->declared->teams; said != NULL; said = said->next) {
        const char *where = arena_printf(&l->scratch, "team \"%.*s\"", TEXT_ARG(said->name));
        const struct declare_team *first = map_put(&seen, said->name, (void *)(uintptr_t)said);
        if (first != NULL) {
            complain(&l->report->complaints, said->line, "%s: it was already declared in line %d", where, first->line);
            continue;
        }
        if (!link_is_name(said->name, false))
            complain(&l->report->complaints, said->line,
                     "%s: a team's name has letters, digits, _ . and -, at most 64, and begins with a letter or digit",
                     where);
        if (!said->complete)
            complain(&l->report->complaints, said->line, "%s: its settings are missing: team \"name\" { ... }", where);

        struct config_team *team =
            text_is(said->name, "default") ? &config->teams[0] : &config->teams[config->team_count++];
        team->name = arena_text(l->arena, said->name);
        team->budgets = link_budgets(l, &said->budgets, said->line, arena_printf(&l->scratch, "%s: budget", where));
        team->no_cache = !said->cache;
        team->rates =
            (struct config_rates){ .rpm = said->rates.rpm, .tpm = said->rates.tpm, .in_flight = said->rates.in_flight };
        team->priority = priority_of(said->priority);
        team->of_session =
            link_budgets(l, &said->of_session, said->line, arena_printf(&l->scratch, "%s: session_budget", where));
        team->of_user =
            link_budgets(l, &said->of_user, said->line, arena_printf(&l->scratch, "%s: user_budget", where));
        team->regions = copy_texts(l, &said->require.regions, &team->region_count);
        team->retentions = copy_texts(l, &said->require.retentions, &team->retention_count);
        warn_require(l, said, where);
        team->models = copy_models(l, &said->models, said->line, where, &team->model_count);
    }
    map_fini(&seen);
}

/* A name that nothing answers to is most likely a slip, but harmless: it allows nothing. */
static void note_unknown_models(struct link *l, const struct declare_texts *said, int line, const char *where)
{
    for (size_t i = 0; i < said->count; i++) {
        struct text name = said->items[i];
        bool known = text_ends(name, TEXT("*")) || text_find(name, TEXT("/")) >= 0;
        for (size_t m = 0; m < l->config->model_count && !known; m++)
            known = text_matches(name, l->config->models[m].name);
        if (known)
            continue;
        const char *nearest = text_nearest(name, l->model_names);
        link_warn(l, line, "%s: no model is called \"%.*s\"%s%s%s", where, TEXT_ARG(name),
                  nearest != NULL ? " (did you mean \"" : "", nearest != NULL ? nearest : "",
                  nearest != NULL ? "\"?)" : "");
    }
}

/* Patterns of names; NULL where the file has no list, which is another thing than an empty one. */
static struct text *copy_models(struct link *l, const struct declare_texts *said, int line, const char *where,
                                size_t *count)
{
    if (!said->given)
        return NULL;
    struct text *models = arena_array(l->arena, struct text, said->count);
    for (size_t i = 0; i < said->count; i++)
        models[i] = arena_text(l->arena, said->items[i]);
    note_unknown_models(l, said, line, where);
    *count = said->count;
    return models;
}

void link_keys(struct link *l)
{
    struct config *config = l->config;
    struct map seen, names;
    size_t count = 0;

    for (const struct declare_key *said = l->declared->keys; said != NULL; said = said->next)
        count++;
    config->keys = arena_array(l->arena, struct config_key, count);
    map_init(&seen);
    map_init(&names);
    for (const struct declare_key *said = l->declared->keys; said != NULL; said = said->next) {
        struct config_key *key = &config->keys[config->key_count];
        link_key(l, said, &names, key);
        struct text digest = { (const char *)key->digest, CRYPTO_SHA256_LEN };
        const struct declare_key *first = map_put(&seen, digest, (void *)(uintptr_t)said);
        if (first != NULL && said->sha256.ptr != NULL && first->sha256.ptr != NULL &&
            text_eq_nocase(said->sha256, first->sha256))
            complain(&l->report->complaints, said->line, "key: the same digest was already declared in line %d",
                     first->line);
        config->key_count++;
    }
    map_fini(&seen);
    map_fini(&names);
}

const struct config_team *link_team(const struct config *config, struct text name)
{
    for (size_t i = 0; i < config->team_count; i++)
        if (text_eq(config->teams[i].name, name))
            return &config->teams[i];
    return NULL;
}

static void unknown_team(struct link *l, const struct declare_key *said)
{
    const char **names = arena_array(&l->scratch, const char *, l->config->team_count + 1);
    for (size_t i = 0; i < l->config->team_count; i++)
        names[i] = arena_str(&l->scratch, l->config->teams[i].name);
    const char *nearest = text_nearest(said->team, names);
    if (nearest != NULL)
        complain(&l->report->complaints, said->line, "key: there is no team \"%.*s\" (did you mean \"%s\"?)",
                 TEXT_ARG(said->team), nearest);
    else
        complain(&l->report->complaints, said->line, "key: there is no team \"%.*s\"", TEXT_ARG(said->team));
}

static void link_previous(struct link *l, const struct declare_key *said, struct config_key *key)
{
    const struct declare_previous *previous = &said->previous;
    if (previous->sha256.ptr == NULL && previous->ends.ptr == NULL)
        return;
    if (crypto_parse_hex(previous->sha256, key->previous_digest, CRYPTO_SHA256_LEN) < 0)
        complain(&l->report->complaints, said->line, "key: previous: sha256 takes the 64 hex digits of a digest");
    if (date_parse(previous->ends, &key->previous_until_unix_ms) < 0)
        complain(&l->report->complaints, said->line,
                 "key: previous: ends takes \"2026-12-31\" or \"2026-12-31T18:00:00Z\"");
}

/* It goes to terminals, logs and lists of lines. */
static bool is_printable(struct text t)
{
    bool good = text_is_utf8(t);
    for (size_t i = 0; good && i < t.len; i++)
        good = (unsigned char)t.ptr[i] >= ' ' && t.ptr[i] != 127 &&
               !((unsigned char)t.ptr[i] == 0xc2 && i + 1 < t.len && (unsigned char)t.ptr[i + 1] < 0xa0);
    return good;
}

/* `names`: those of the keys before it. */
static void link_key(struct link *l, const struct declare_key *said, struct map *names, struct config_key *key)
{
    struct complaints *complaints = &l->report->complaints;
    uint8_t empty[CRYPTO_SHA256_LEN];

    /* What was written instead of a digest is not repeated: it may be the key itself. */
    crypto_sha256(TEXT(""), empty);
    if (said->sha256.ptr != NULL && crypto_parse_hex(said->sha256, key->digest, CRYPTO_SHA256_LEN) < 0) {
        complain(complaints, said->line,
                 "key: sha256 takes the 64 hex digits of the key's digest: printf %%s KEY | sha256sum");
        memset(key->digest, 0, sizeof key->digest);
    } else if (said->sha256.ptr != NULL && memcmp(key->digest, empty, sizeof empty) == 0) {
        complain(complaints, said->line, "key: that is the digest of an empty key");
    }

    char digits[2 * CRYPTO_SHA256_LEN + 1];
    crypto_hex(key->digest, CRYPTO_SHA256_LEN, digits);
    key->name = arena_text(l->arena, said->name.ptr != NULL ? said->name : (struct text){ digits, 8 });
    if (key->name.len > 100)
        complain(complaints, said->line, "key: name is longer than 100 bytes");
    else if (!is_printable(key->name))
        complain(complaints, said->line, "key: name holds a control character or is not UTF-8");
    const struct declare_key *first =
        said->name.ptr != NULL ? map_put(names, said->name, (void *)(uintptr_t)said) : NULL;
    if (first != NULL)
        complain(complaints, said->line,
                 "key: the name \"%.*s\" was already given in line %d: the log could not tell the two apart",
                 TEXT_ARG(key->name), first->line);

    key->enabled = said->enabled;
    key->made = said->line >= COMPLAIN_SECOND;
    key->tags = said->tags.len > 0 ? arena_text(l->arena, said->tags) : TEXT_NONE;
    key->project = arena_text(l->arena, said->project);
    if (key->project.ptr != NULL && !labels_is_project(key->project))
        complain(complaints, said->line,
                 "key: project takes a name of letters, digits and _ . : / @ + -, at most 64 bytes");
    key->budgets = link_budgets(l, &said->budgets, said->line, "key: budget");
    key->rates =
        (struct config_rates){ .rpm = said->rates.rpm, .tpm = said->rates.tpm, .in_flight = said->rates.in_flight };
    key->priority = priority_of(said->priority);
    link_previous(l, said, key);
    key->models = copy_models(l, &said->models, said->line,
                              arena_printf(&l->scratch, "key \"%.*s\"", TEXT_ARG(key->name)), &key->model_count);
    if (said->of_session.given && text_find(key->name, TEXT("/")) >= 0) /* "key/session" would be two accounts' name */
        complain(complaints, said->line, "key: session_budget: the name of a key that has one is without \"/\"");
    key->of_session = link_budgets(l, &said->of_session, said->line, "key: session_budget");
    key->team = l->config->default_team;
    if (said->team.ptr != NULL && (key->team = link_team(l->config, said->team)) == NULL)
        unknown_team(l, said);
    if (said->expires.ptr != NULL && date_parse(said->expires, &key->expires_unix_ms) < 0)
        complain(complaints, said->line,
                 "key: expires takes \"2026-12-31\" or \"2026-12-31T18:00:00Z\", a day or moment that exists");
    else if (key->expires_unix_ms != 0 && key->expires_unix_ms <= clock_unix_ms())
        link_warn(l, said->line, "key \"%.*s\": it expired (%.*s) and is refused: give it a later date or remove it",
                  TEXT_ARG(key->name), TEXT_ARG(said->expires));
}
