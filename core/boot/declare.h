/* declare.h - what gateway.lua declares, word by word, before the declarations are joined into a
 * snapshot by link.c. Filled by load_read.c from the table in words.c. All of it lives in one arena. */
#ifndef BOOT_DECLARE_H
#define BOOT_DECLARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"
#include "config/config.h"

/* env "NAME" or file "path": where a secret is, never the secret. */
struct declare_secret {
    bool is_file;
    const char *name;
};

struct declare_texts {
    struct text *items;
    size_t count;
    bool given; /* an empty list is not no list */
};

struct declare_secrets {
    struct declare_secret *items;
    const char **names; /* of each, sorted; NULL: they have none, and take turns */
    size_t count;
    bool given;
};

struct declare_header {
    struct text name, value; /* value absent: secret */
    struct declare_secret secret;
};

struct declare_headers {
    struct declare_header *items; /* sorted by name */
    size_t count;
};

/* A setting that is not the core's: the plugin states later whether it is one of its own. */
struct declare_extra {
    const char *name;
    struct text json; /* absent: a secret */
    struct declare_secret secret;
    bool empty_table;  /* {}: an array or an object, as the plugin likes */
    const char *wrong; /* why it cannot be JSON, static; NULL: it can */
};

struct declare_extras {
    struct declare_extra *items; /* sorted by name */
    size_t count;
};

struct declare_target {
    struct text name;           /* "provider/model" */
    const struct tariff *price; /* NULL: not set */
    unsigned weight;            /* DECLARE_NO_WEIGHT: not set */
    unsigned max_in_flight;     /* 0: not set */
    unsigned context_tokens;    /* 0: not set */
    struct text region, retention;
};
#define DECLARE_NO_WEIGHT UINT32_MAX

struct declare_targets {
    struct declare_target *items;
    size_t count;
};

struct declare_tls {
    struct declare_secret *cert, *key; /* NULL: not set */
};

struct declare_listen {
    int line; /* 0: not set */
    struct text address;
    unsigned workers; /* 0: auto */
    struct declare_tls tls;
    struct declare_texts trusted_proxies;
};

struct declare_plugins {
    int line;
    struct declare_texts path, names;
};

struct declare_raise {
    int64_t usd; /* nano-dollars; -1: no raise */
    struct text ends;
};

struct declare_budget {
    int64_t usd;     /* nano-dollars; -1: not set */
    int64_t ceiling; /* -1: not set */
    struct text per, zone, alert;
    struct text mode;       /* absent: ledger.budget_mode */
    struct text when_short; /* absent: by the mode */
    bool only_report;
    int64_t alert_usd; /* -1: not set */
    unsigned alert_percent;
    struct declare_raise raise;
};
#define DECLARE_BUDGET                                                                                                 \
    {                                                                                                                  \
        .usd = -1, .ceiling = -1, .per = TEXT("month"), .alert_usd = -1, .raise.usd = -1                               \
    }

struct declare_budgets {
    struct declare_budget *items;
    size_t count;
    bool given;
};

struct declare_all_budget {
    int line;
    struct declare_budgets budgets;
};

struct declare_provider {
    struct declare_provider *next;
    int line;
    bool complete; /* the braces came */
    struct text name, plugin, base_url;
    struct declare_secret *secret;
    struct declare_secrets secrets;
    struct declare_headers headers;
    const struct tariff *price; /* NULL: not set */
    struct declare_budgets budgets;
    struct config_timeouts timeouts;
    struct declare_extras extras;
};

struct declare_retry {
    unsigned attempts;
};

struct declare_slow {
    unsigned tokens;
};

struct declare_shadow {
    struct text target; /* absent: not set */
    double sample;
    int64_t usd; /* nano-dollars; -1: not set */
};

struct declare_model {
    struct declare_model *next;
    int line;
    bool complete;
    struct text name;
    struct declare_targets targets, fallback, overflow, filter;
    struct config_timeouts timeouts;
    struct declare_retry retry;
    struct declare_slow slow;
    struct declare_shadow shadow;
    struct text lossy, strategy, sticky; /* absent: not set */
    struct declare_budgets budgets;
    bool cache;
    unsigned min_output;
    int64_t most; /* nano-dollars; 0: not set */
};

struct declare_rates {
    unsigned rpm, tpm, in_flight;
};

struct declare_require {
    struct declare_texts regions, retentions;
};

struct declare_team {
    struct declare_team *next;
    int line;
    bool complete;
    struct text name;
    struct declare_texts models, policies;
    struct declare_require require;
    struct declare_rates rates;
    struct declare_budgets budgets, of_session, of_user;
    struct text priority; /* absent: not set */
    bool cache;
};

/* A project or a tag. */
struct declare_label {
    struct declare_label *next;
    int line;
    bool complete;
    struct text name;
    struct declare_budgets budgets;
};

/* A key's digest before it was rotated. */
struct declare_previous {
    struct text sha256, ends;
};

struct declare_key {
    struct declare_key *next;
    int line;
    struct text sha256, team, name, expires, project;
    struct text tags; /* "a=1,b=2" */
    bool enabled;
    struct declare_rates rates;
    struct declare_budgets budgets, of_session;
    struct text priority; /* absent: not set */
    struct declare_texts models;
    struct declare_previous previous;
};

struct declare_limits {
    int line;
    struct config_limits values;
};

struct declare_cors {
    int line;
    struct declare_texts origins;
};

struct declare_admin {
    int line;
    struct text address;
};

struct declare_metrics {
    int line;
    struct declare_secret *token;
};

struct declare_ledger {
    int line;
    struct text path, budget_mode;
    int64_t sync_ns, wait_ns, wait_stream_ns, doubt_ttl_ns;
    unsigned keep_days;
};

struct declare_store {
    int line;
    struct text plugin, path, url;
    struct declare_secret *password;
    unsigned rows_days; /* 0: not set */
};

struct declare_cache {
    int line;
    struct text plugin, per;
    struct declare_texts servers;
    struct declare_secret *seal;
    unsigned mb, ttl_s;
    bool tools, any_target;
};

struct declare_capture {
    int line;
    struct declare_texts teams;
    double share;
    unsigned days, mb;
};

struct declare_counters {
    int line;
    struct text plugin;
    struct declare_texts servers;
    unsigned gateways;
};

/* Where a policy may ask by HTTP. */
struct declare_place {
    struct text name, url;
    struct declare_headers headers;
};

struct declare_places {
    struct declare_place *items; /* sorted by name */
    size_t count;
};

struct declare_policy {
    struct declare_policy *next;
    int line;
    bool complete;
    struct text file; /* absent: a rule of one line, `when` and `route` */
    struct text name, when, route, mode, on_error;
    struct text args; /* JSON */
    struct declare_texts models, teams, kinds, llms;
    int64_t cpu_ns, wait_ns, llm_wait_ns;
    size_t memory_bytes;
    unsigned retries;
    struct declare_places places;
};

struct declared {
    struct arena *arena;
    struct declare_listen listen;
    struct declare_plugins plugins;
    struct declare_provider *providers, **last_provider;
    struct declare_model *models, **last_model;
    struct declare_team *teams, **last_team;
    struct declare_label *projects, **last_project, *tags, **last_tag;
    struct declare_key *keys, **last_key;
    struct declare_policy *policies, **last_policy;
    struct declare_limits limits;
    struct declare_cors cors;
    struct declare_metrics metrics;
    struct declare_admin admin;
    struct declare_ledger ledger;
    struct declare_store store;
    struct declare_cache cache;
    struct declare_capture capture;
    struct declare_counters counters;
    struct declare_all_budget budget;
};

#endif
