/* config.h - the configuration as the running gateway sees it: plain structs, immutable once
 * sealed, reference-counted. Made by boot/load.c, read by every worker without a lock. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <gateway/provider.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cidr.h"
#include "base/crypto.h"
#include "base/map.h"
#include "base/text.h"

struct book;   /* money/book.h */
struct plugin; /* plugin/plugin.h */
struct tariff; /* money/tariff.h */
struct zone;   /* money/zone.h */

#define CONFIG_DIGEST_SHOWN 12u /* of its digits, where a line has them */
#define CONFIG_MAGIC 0x636f6e66u

/* Text that never prints. */
struct config_secret {
    const char *name;  /* of one by name; else NULL */
    struct text value; /* NUL-terminated too */
    const char *from;  /* 'env "OPENAI_API_KEY"': what may be given of it */
};

struct config_header {
    struct text name, value;
    bool secret;
    const char *from; /* of a secret: 'env "X"' */
};

/* How often a budget begins anew. */
enum config_period { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_TOTAL };

/* Expected: what is in flight counts with what it is expected to cost. Strict: with the most that it can cost. */
enum config_budget_mode { BUDGET_EXPECTED, BUDGET_STRICT };

/* What may be spent in a period. */
struct config_budget {
    enum config_period period;
    enum config_budget_mode mode; /* strict: limit = ceiling, and what is in doubt counts in full */
    const struct zone *zone;      /* by whose calendar; NULL: UTC */
    int64_t limit;                /* nano-dollars, expected */
    int64_t
        ceiling; /* nano-dollars that are never passed, given that nothing costs more than was held for it; strict: the limit */
    bool clamps;      /* where it is short, a lower limit of output tokens is sent rather than the request refused */
    bool only_report; /* it refuses nothing */
    /* More, until a moment: nano-dollars on top of both. */
    int64_t raise;
    int64_t raise_until_ms; /* 0: no raise */
    /* Who is informed that so much is spent. */
    const char *alert;      /* URL; NULL: nobody */
    int64_t alert_nano;     /* -1: not by an amount */
    unsigned alert_percent; /* of the limit; 0: not by a share */
};

/* The budgets of one account: at most one for each period. */
struct config_budgets {
    const struct config_budget *items;
    size_t count;
};
#define CONFIG_BUDGETS_MOST 4u

/* Nanoseconds; 0: not set. */
struct config_timeouts {
    int64_t connect_ns, first_token_ns, idle_ns, total_ns;
};

struct config_provider {
    struct text name;
    const struct plugin *plugin;
    const gw_service *service; /* which of the plugin's; NULL: its own */
    void *instance;            /* of the plugin; closed when the snapshot ends; NULL when it is off */
    struct text base_url;
    bool is_usual;                 /* base_url is the usual one of the service or of the plugin */
    struct config_secret *secrets; /* divided among conversations; may be none */
    size_t secret_count;
    struct config_secret *named; /* instead of them, where gateway.lua names them; may be none */
    size_t named_count;
    const char *const *wanted;       /* where secrets were looked for, also those that are not set */
    const char *const *wanted_names; /* of each its name; NULL: they have none */
    size_t wanted_count;
    struct config_header *headers; /* sent with every request */
    size_t header_count;
    const struct tariff *price; /* what gateway.lua reports that its models cost; NULL: nothing */
    struct config_budgets budgets;
    struct config_timeouts timeouts; /* for models that do not set them */
    const char *settings;            /* the plugin's own, as text of gateway.lua with secrets masked; NULL: none */
    const char *off;                 /* NULL: in use; else why not ('env "X" is not set') */
    const char *file;                /* where it was declared; "(built in)" */
    int line;
    unsigned index; /* position in config->providers */
};

/* In which list of its model a target stands. The first two are one way: the second is for when all of the first have failed. Each of
 * the others is for one kind of failure, and nothing else leads to it. */
enum config_list {
    LIST_FIRST,
    LIST_FALLBACK,
    LIST_OVERFLOW, /* on_context_overflow */
    LIST_FILTER,   /* on_content_filter */
    LISTS
};
/* As gateway.lua names it; "" of the first. Static. */
const char *config_list_name(enum config_list list);

#define CONFIG_ADAPTIVE UINT32_MAX /* a limit that is found by itself */

/* One row of a model. */
struct config_target {
    const struct config_provider *provider;
    struct text model; /* as the upstream names it; "*": the name the client asked for */
    enum config_list list;
    const struct tariff *price; /* of its own; NULL: the provider's */
    unsigned weight;            /* 1 where the file has none */
    unsigned max_in_flight;     /* requests at a time; 0: no limit; CONFIG_ADAPTIVE. The same for each of its models */
    int64_t context_tokens;     /* the window of its context, as the operator states it; 0: not stated */
    struct text region,
        retention; /* where it answers, how long it keeps what it gets, as the operator states it; absent: not stated */
};

/* Whose requests are served first where there are too many. */
enum config_priority {
    PRIORITY_UNSET, /* of a key: its team's; of a team: normal */
    PRIORITY_CRITICAL,
    PRIORITY_NORMAL,
    PRIORITY_LOW,
    PRIORITIES
};
/* As gateway.lua names it; static. */
const char *config_priority_name(enum config_priority priority);

/* Which of a model's usable targets is tried first. */
enum config_strategy {
    STRATEGY_ORDER,
    STRATEGY_WEIGHTED,
    STRATEGY_LEAST_BUSY,
    STRATEGY_LOWEST_COST,
    STRATEGY_LOWEST_LATENCY,
    STRATEGIES
};
/* As gateway.lua names it; static. */
const char *config_strategy_name(enum config_strategy strategy);

/* Where a part of a model's requests is sent too. */
struct config_shadow {
    const struct config_provider *provider;
    struct text target; /* "provider/model" */
    struct text tag;    /* "shadow=MODEL" */
    double sample;      /* which part */
};

struct config_model {
    struct text name;              /* as asked for; may end in '*' */
    struct config_target *targets; /* in order, list by list */
    size_t target_count;
    enum config_strategy strategy;
    bool sticky;                        /* sticky = "conversation" */
    struct config_timeouts timeouts;    /* stand above the provider's */
    unsigned attempts;                  /* most tries in all */
    unsigned slow_tokens;               /* slow.tokens_per_s; 0: not set */
    const struct config_shadow *shadow; /* NULL: none */
    bool lossy_refuse;                  /* lossy = "refuse" */
    bool no_cache;                      /* cache = false */
    struct config_budgets budgets;      /* of all who ask for it */
    int64_t min_output;                 /* tokens below which no limit is lowered; 0: the default */
    int64_t most_nano;                  /* what a request costs at most where nothing else bounds it; 0: not stated */
    const char *file;
    int line;
};

/* A project or a tag ("name=value") that has a budget. */
struct config_label {
    struct text name;
    struct config_budgets budgets;
};

/* How much somebody may take at a time; 0: no limit of that kind. */
struct config_rates {
    unsigned rpm, tpm; /* requests and tokens per minute */
    unsigned in_flight;
    unsigned index; /* all together 0, then the teams, then the keys */
};

struct config_team {
    struct text name;
    struct config_rates rates;
    struct config_budgets budgets;
    struct config_budgets of_session, of_user; /* of each of its sessions, of each of its end users */
    struct text *models;                       /* patterns; NULL: all */
    size_t model_count;
    struct text *regions, *retentions; /* of targets that may answer; none: any */
    size_t region_count, retention_count;
    enum config_priority priority;
    bool no_cache; /* cache = false */
};

struct config_key {
    uint8_t digest[CRYPTO_SHA256_LEN];
    struct text name;
    const struct config_team *team;
    struct config_rates rates;
    struct text project, tags;        /* of its requests that name none; tags as labels.h has them */
    struct config_budgets budgets;    /* its own, beside its team's */
    struct config_budgets of_session; /* of each of its sessions */
    struct text *models;              /* patterns, beside its team's; NULL: all of those */
    size_t model_count;
    enum config_priority priority; /* before its team's */
    bool enabled;
    bool made;                                  /* by a command, in keys.lua */
    int64_t expires_unix_ms;                    /* 0: never */
    uint8_t previous_digest[CRYPTO_SHA256_LEN]; /* before it was rotated */
    int64_t previous_until_unix_ms;             /* 0: there is none */
};

struct config_limits {
    size_t body_bytes;      /* of a request; 20 MB */
    size_t answer_bytes;    /* of an answer that is not streamed; 64 MB */
    size_t event_bytes;     /* of one streamed event; 16 MB */
    size_t memory_bytes;    /* of one request's arena; 64 MB */
    size_t bodies_bytes;    /* of all requests' bodies; 0: a share of the memory that there is */
    size_t header_bytes;    /* of a request's head; 8 KB */
    unsigned header_count;  /* 100 */
    unsigned connections;   /* per process; 16384 */
    unsigned in_flight;     /* requests per process; 0: no limit of its own */
    unsigned rpm, tpm;      /* requests and tokens per minute, all together; 0: no limit */
    int64_t header_ns;      /* time for a complete head; 10 s */
    int64_t body_ns;        /* time for a complete body; 60 s */
    int64_t write_ns;       /* longest a client may take nothing; 60 s */
    int64_t keep_alive_ns;  /* idle connection of a client; 75 s */
    int64_t drain_ns;       /* for requests in flight after SIGTERM; 600 s */
    int64_t ping_ns;        /* keep-alive comment after this much silence; 15 s */
    int64_t dns_max_age_ns; /* the address of an upstream's name counts no longer; 30 s */
};

/* The admin API. */
struct config_admin {
    struct text address; /* absent: there is none */
    uint16_t port;       /* 0: any free one */
};

struct config_listen {
    struct text address;              /* "127.0.0.1" or "::1" */
    uint16_t port;                    /* 0: any free one */
    unsigned workers;                 /* resolved: at least 1 */
    struct text cert_pem, key_pem;    /* both or none */
    const char *cert_from, *key_from; /* 'file "cert.pem"' */
    struct cidr *proxies;             /* whose X-Forwarded-For is believed */
    struct text *proxy_names;         /* as they were written */
    size_t proxy_count;
};

/* A rule of the operator's, in Lua: script/. */
/* Where a policy may ask by HTTP, under a name of its own. */
struct config_place {
    const char *name;
    struct text url; /* without slashes at its end */
    struct config_header *headers;
    size_t header_count;
};

/* A Lua file that a policy requires. */
struct config_module {
    struct config_module *next;
    const char *name; /* "lib.words" */
    const char *file; /* as errors name it: "scripts/lib/words.lua" */
    const char *path;
    struct text source;
};

struct config_policy {
    const char *name; /* of log and metrics */
    const char *file; /* as errors name it: "scripts/budget.lua" */
    const struct config_team
        *team;          /* whose own it is: for its requests alone, and within its models; NULL: the operator's */
    struct text source; /* Lua */
    const char *folder; /* of its file, where the modules are that it requires; NULL: it has none */
    struct config_module *modules; /* the last one that was required first */
    struct arena *reads;           /* while it is checked: modules are read, and kept there; NULL: `modules` are all */
    struct text args;              /* JSON, an object */
    struct text *models, *teams;   /* patterns of those whose requests it is for; none: all */
    size_t model_count, team_count;
    uint32_t kinds;                       /* GW_OP_*; 0: all */
    bool observe;                         /* it decides and nothing of that is done */
    bool skip;                            /* where it fails, the request goes on without it */
    int64_t cpu_ns, wait_ns, llm_wait_ns; /* of one hook */
    size_t memory_bytes;
    struct config_place *places; /* http = { ... }, sorted by name */
    size_t place_count;
    struct text *llms; /* models that gw.llm may ask */
    size_t llm_count;
    unsigned retries; /* how often it may ask again for one request */
    unsigned hooks;   /* SCRIPT_ON_*, once it was loaded */
    int line;         /* of gateway.lua */
};
#define CONFIG_POLICY_CPU_NS INT64_C(10000000)
#define CONFIG_POLICY_WAIT_NS INT64_C(1000000000)
#define CONFIG_POLICY_LLM_WAIT_NS INT64_C(20000000000)
#define CONFIG_POLICY_MEMORY ((size_t)16 << 20)
#define CONFIG_POLICY_RETRIES 1u
#define CONFIG_POLICY_RETRIES_MOST 3u
#define CONFIG_POLICIES_MOST 32u
#define CONFIG_TEAM_POLICIES_MOST 8u

/* Where what was used and spent is written down. */
struct config_ledger {
    const char *path; /* a folder; NULL: nowhere */
    int64_t sync_ns;
    int64_t wait_ns, wait_stream_ns; /* how long a request waits for others in flight; 0: not at all */
    int64_t doubt_ttl_ns;            /* 0: doubt does not end by itself */
    unsigned keep_days;              /* its files, after the store has what is in them */
};
#define CONFIG_LEDGER_SYNC_NS INT64_C(50000000)
#define CONFIG_LEDGER_WAIT_NS INT64_C(2000000000)
#define CONFIG_LEDGER_WAIT_STREAM_NS INT64_C(15000000000)
#define CONFIG_LEDGER_DOUBT_TTL_NS (INT64_C(86400) * 1000000000)
#define CONFIG_LEDGER_KEEP_DAYS 7u

/* Where the ledger's rows are kept for questions. */
struct config_store {
    const struct plugin *plugin; /* NULL: there is none */
    void *instance;              /* of the plugin; closed when the snapshot ends */
    void (*close)(const struct plugin *plugin, void *instance);
    const char *path, *url;    /* one of them, by what its plugin takes; the other is NULL */
    const char *password_from; /* env "NAME"; NULL: none is given */
    unsigned rows_days;        /* 0: for ever */
};

/* Answers that are given again. */
enum config_cache_per { CACHE_PER_TEAM, CACHE_PER_KEY, CACHE_PER_USER };
struct config_cache {
    const struct plugin *plugin; /* NULL: none are */
    const char *json;            /* its settings, an object */
    const struct text *servers;  /* of them, where it has servers */
    size_t server_count;
    const char *seal_from;           /* env or file; NULL: a seal is made */
    uint8_t seal[CRYPTO_SHA256_LEN]; /* of that; else zeros */
    unsigned mb, ttl_s;
    enum config_cache_per per; /* who shares answers, never more than a team */
    bool tools;                /* also to requests that offer tools */
    bool any_target;           /* an entry of any target of the first list does, not only of the one that is chosen */
};
#define CONFIG_CACHE_MB 64u

/* Where the windows of limits are counted. */
struct config_counters {
    const struct plugin *plugin; /* NULL: in this process */
    const char *json;            /* its settings, an object */
    const struct text *servers;
    size_t server_count;
    unsigned gateways; /* about how many share it */
};
#define CONFIG_GATEWAYS 3u
#define CONFIG_CACHE_TTL_S 3600u

/* Requests that are kept, sealed, so that another policy can be tried on them. */
struct config_capture {
    struct text *teams; /* patterns; NULL: of nobody */
    size_t team_count;
    double share; /* which part of their requests */
    unsigned days, mb;
};
#define CONFIG_CAPTURE_SHARE 0.1
#define CONFIG_CAPTURE_DAYS 7u
#define CONFIG_CAPTURE_MB 1024u

struct config {
    uint32_t magic;
    int refs; /* atomic */
    struct arena arena;
    const char *file; /* NULL: none was given */
    char digest[2 * CRYPTO_SHA256_LEN +
                1];    /* SHA-256 of gateway.lua and of the files of the policies and of their modules, hex */
    struct book *book; /* of prices; NULL: there is none, and no cost is known. Freed with the snapshot */
    void (*free_book)(struct book *book);
    struct config_listen listen;
    struct config_admin admin;
    struct config_limits limits;
    struct config_ledger ledger;
    struct config_store store;
    struct config_cache cache;
    struct config_capture capture;
    struct config_counters counters;
    uint8_t policy_digest[CRYPTO_SHA256_LEN]; /* of all policies, their arguments and whom they are for */
    struct config_budgets budgets;            /* of all requests together */
    struct config_rates rates;                /* of all together; in_flight is limits.in_flight, and 0 here */
    struct config_provider *providers;
    size_t provider_count;
    struct map provider_by_name;
    struct config_model *models; /* in the order of the file */
    size_t model_count;
    struct map model_by_name; /* names without '*' */
    struct config_team *teams;
    size_t team_count;
    const struct config_team *default_team;
    struct config_label *projects, *tags;
    size_t project_count, tag_count;
    struct config_key *keys;
    size_t key_count;
    struct map key_by_digest;       /* the 32 bytes */
    struct config_policy *policies; /* in the order of the file, those of teams last */
    size_t policy_count;
    struct text *cors; /* origins whose pages may read answers; "*": all */
    size_t cors_count;
    struct text metrics_token;             /* who shows it may read /metrics from anywhere; absent: nobody may */
    const char *metrics_from;              /* 'env "X"'; NULL: not declared */
    bool keys_required;                    /* true once a key is declared */
    bool limits_targets;                   /* some target has max_in_flight */
    bool limits_all_targets;               /* all targets have */
    bool prefix_routing;                   /* no file: bare names by the providers' own patterns */
    const char *ca_file;                   /* for upstream TLS; NULL: the system's */
    const char *const *plugin_directories; /* where plugins are looked for; NULL-terminated */
    const struct plugin *const *plugins;   /* named in `plugins`; they stay loaded */
    size_t plugin_count;
};

/* An empty snapshot with one reference and the defaults filled in, given. */
struct config *config_new(void);
/* Any thread. */
struct config *config_ref(struct config *config);
/* The last one closes the providers' instances and frees everything. Secrets are wiped. */
void config_unref(struct config *config);
/* What boot gives for closing instances (config cannot include plugin/). Called by the last unref. */
void config_on_close(void (*close_provider)(struct config_provider *provider));
/* Builds the maps; after this nothing changes. -1 is impossible by then: names were checked. */
void config_seal(struct config *config);

const struct config_provider *config_provider(const struct config *config, struct text name);
/* The model declared under exactly this name; NULL. */
const struct config_model *config_model(const struct config *config, struct text name);
/* The family whose pattern fits the name best: the longest; NULL. */
const struct config_model *config_family(const struct config *config, struct text name);
/* The key with this digest, NULL when there is none. Constant-time comparison. */
const struct config_key *config_key(const struct config *config, const uint8_t digest[CRYPTO_SHA256_LEN]);
/* Is it the digest that the key had before it was rotated? It counts until previous_until_unix_ms. */
bool config_key_is_previous(const struct config_key *key, const uint8_t digest[CRYPTO_SHA256_LEN]);
/* The key's, else its team's, else normal. `key` may be NULL. */
enum config_priority config_priority_of(const struct config_team *team, const struct config_key *key);
/* The most requests at a time that a target gets, whatever a client calls it; 0: no limit. */
unsigned config_max_in_flight(const struct config *config, const struct config_provider *provider, struct text model);
/* May this team use that model name? */
bool config_team_may(const struct config_team *team, struct text model);
/* May this key of that team? `key` NULL: any of its team may. */
bool config_key_may(const struct config_team *team, const struct config_key *key, struct text model);
/* What holds where neither the model nor the provider sets them. */
extern const struct config_timeouts config_default_timeouts;
/* Each of the model's, where it is not set the provider's, else the default. */
struct config_timeouts config_timeouts_of(const struct config_timeouts *model, const struct config_provider *provider);
#define CONFIG_DEFAULT_ATTEMPTS 3u

#endif
